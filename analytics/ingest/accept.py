"""The life of an event before it is stored: a literal list of steps, each of which mends it or refuses it."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID, uuid4

import msgspec

from analytics.ingest.wire import assertions, lenient, times
from analytics.ingest.wire.event import Arrival, DropReason, Event, Note, Refused
from analytics.ingest.wire.urls import address
from analytics.schema import means_nobody

MAX_NAME = 200
MAX_ID = 200
MAX_DEPTH = 64
MAX_PROPERTIES = 1000
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
CRAWLERS = re.compile(
    r"(google|bing|yandex|baidu|duckduck|apple|semrush|ahrefs|mj12|dot|petal|amazon|gpt|claude|ccbot|perplexity"
    r"|facebook|twitter|linkedin|slack|telegram|discord|pinterest|seznam|sogou)[a-z-]*(bot|spider|crawler)\b"
    r"|facebookexternalhit|\bslurp\b|\bbaiduspider\b|\bbytespider\b|\bccbot\b|\bgoogle-inspectiontool\b|\bmediapartners-google\b",
    re.IGNORECASE,
)

Step = Callable[[Event, Arrival], DropReason | None]


def arrived(event: Event, arrival: Arrival) -> DropReason | None:
    event.project_id = arrival.project
    event.received_at = arrival.received
    event.ip = event.ip or ("" if event.placeless else arrival.ip)
    event.user_agent = event.user_agent or arrival.user_agent
    return None


def small_enough(event: Event, arrival: Arrival) -> DropReason | None:
    return DropReason.TOO_LARGE if event.size > arrival.max_event else None


def no_crawler(event: Event, arrival: Arrival) -> DropReason | None:
    return DropReason.BOT if event.user_agent and _is_crawler(event.user_agent) else None


@lru_cache(maxsize=4096)
def _is_crawler(user_agent: str) -> bool:
    return CRAWLERS.search(user_agent) is not None


def named(event: Event, arrival: Arrival) -> DropReason | None:
    if len(event.event) > MAX_NAME:
        event.event = event.event[:MAX_NAME]
        event.note(Note.SHORTENED)
    return None if event.event and not event.event.isspace() else DropReason.NO_NAME


def not_reserved(event: Event, arrival: Arrival) -> DropReason | None:
    return DropReason.RESERVED_NAME if event.event in arrival.reserved else None


def about_somebody(event: Event, arrival: Arrival) -> DropReason | None:
    if not event.distinct_id or (event.link == "alias" and not event.linked_id):
        return DropReason.NO_ID
    if len(event.distinct_id) > MAX_ID or len(event.linked_id) > MAX_ID:
        event.distinct_id, event.linked_id = event.distinct_id[:MAX_ID], event.linked_id[:MAX_ID]
        event.note(Note.SHORTENED)
    return None


def about_a_real_one(event: Event, arrival: Arrival) -> DropReason | None:
    """An id that stands for nobody identifies no one: else all who were ever called "null" would be one person."""
    if means_nobody(event.distinct_id):
        event.note(Note.MEANINGLESS_ID)
        event.distinct_id = _anonymous_side(event) or event.distinct_id
        event.link, event.linked_id, event.user_known = "", "", "0"
    elif event.link and means_nobody(event.linked_id):
        event.note(Note.MEANINGLESS_ID)
        event.link, event.linked_id = "", ""
    return None


def _anonymous_side(event: Event) -> str:
    other = event.anonymous_id or event.linked_id
    return "" if means_nobody(other) else other


def named_once(event: Event, arrival: Arrival) -> DropReason | None:
    """The id by which duplicates are known: a UUID as it is, any other text as its UUIDv5, none as a new one."""
    if not event.id:
        event.id = str(uuid4())
    elif UUID_TEXT.fullmatch(event.id) is None:
        if event.uuid_only:
            return DropReason.INVALID_UUID
        event.id = _uuid5(arrival.project_id, event.id)
    return None


def _uuid5(project_id: int, name: str) -> str:
    digest = hashlib.sha1(_namespace(project_id) + name.encode(), usedforsecurity=False).digest()
    return str(UUID(bytes=digest[:16], version=5))


@lru_cache(maxsize=4096)
def _namespace(project_id: int) -> bytes:
    return hashlib.sha256(f"firsthand project {project_id}".encode()).digest()[:16]


def timed(event: Event, arrival: Arrival) -> DropReason | None:
    """When it happened by our clock: the client's time, moved by how wrong the client's clock was when it sent."""
    moment = _happened(event, arrival)
    if moment > arrival.latest:
        event.note(Note.FUTURE)
        moment = arrival.received_at
    elif moment < OLDEST:
        event.note(Note.TOO_OLD)
        moment = arrival.received_at
    event.timestamp = times.written(moment)
    return None


def _happened(event: Event, arrival: Arrival) -> datetime:
    try:
        if event.age_ms is not None:
            return arrival.received_at - timedelta(milliseconds=event.age_ms)
        moment = event.sent_timestamp
        if moment is None:
            return arrival.received_at
        if moment.tzinfo is not UTC:
            moment = times.aware(moment).astimezone(UTC)
        return moment + arrival.skew if arrival.skew and not event.trust_clock else moment
    except (OverflowError, ValueError):
        event.note(Note.UNREADABLE_TIME)
        return arrival.received_at


def storable_properties(event: Event, arrival: Arrival) -> DropReason | None:
    if event.properties == "null":
        event.properties = "{}"
    if event.person_set == "null":
        event.person_set = ""
    if event.person_set_once == "null":
        event.person_set_once = ""
    return (
        _unstorable(event.properties)
        or (event.person_set and _unstorable(event.person_set))
        or (event.person_set_once and _unstorable(event.person_set_once))
        or None
    )


def _unstorable(value: str) -> DropReason | None:
    """Counting characters is quick and never too low, so hardly any event has to be looked at closely."""
    if value[0] != "{":
        return DropReason.PROPERTIES
    if len(value) <= 2 * MAX_DEPTH:
        return None
    if value.count("{") + value.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return DropReason.TOO_DEEP
    if len(value) > MAX_PROPERTIES and value.count(":") > MAX_PROPERTIES and _count(value) > MAX_PROPERTIES:
        return DropReason.TOO_MANY_PROPERTIES
    return None


def readable_assertions(event: Event, arrival: Arrival) -> DropReason | None:
    """What is asserted about a person is read as values, later, when the answer has long said that it is kept."""
    if event.person_set or event.person_set_once:
        event.person_set = _readable(event, event.person_set)
        event.person_set_once = _readable(event, event.person_set_once)
        assertions.put(event)
    return None


def _readable(event: Event, facts: str) -> str:
    """Written anew: every name once, for readers of JSON differ in which of two they take; 1e400 becomes null."""
    if not facts:
        return facts
    try:
        return msgspec.json.encode(msgspec.json.decode(facts)).decode()
    except msgspec.ValidationError:
        event.note(Note.TEXT_MENDED)
        return lenient.mend(facts.encode()).body.decode()


def _count(value: str) -> int:
    return len(msgspec.json.decode(value, type=dict[str, msgspec.Raw]))


def _depth(value: str) -> int:
    depth = deepest = 0
    for bracket in re.findall(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', value):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        deepest = max(deepest, depth)
    return deepest


def addressed(event: Event, arrival: Arrival) -> DropReason | None:
    """What follows from the addresses, where the client did not say it itself."""
    if event.url:
        page = address(event.url)
        event.path = event.path or page.path
        campaign = page.campaign
        event.utm_source = event.utm_source or campaign[0]
        event.utm_medium = event.utm_medium or campaign[1]
        event.utm_campaign = event.utm_campaign or campaign[2]
        event.utm_term = event.utm_term or campaign[3]
        event.utm_content = event.utm_content or campaign[4]
    if event.referrer and not event.referring_domain:
        event.referring_domain = address(event.referrer).domain
    return None


STEPS: tuple[Step, ...] = (
    arrived,
    small_enough,
    no_crawler,
    named,
    not_reserved,
    about_somebody,
    about_a_real_one,
    named_once,
    timed,
    storable_properties,
    readable_assertions,
    addressed,
)


class Accepted(msgspec.Struct, gc=False):
    """What became of a parcel: the events to store, and by index in the parcel what was refused or mended."""

    events: list[Event]
    refused: list[tuple[int, Refused]]
    noted: list[tuple[int, Event]]

    @property
    def remarkable(self) -> bool:
        """Whether there is anything to tell beyond that it is kept."""
        return bool(self.refused or self.noted)


def accept(events: list[Event | Refused], arrival: Arrival) -> Accepted:
    taken = Accepted([], [], [])
    for index, event in enumerate(events):
        if isinstance(event, Refused):
            taken.refused.append((index, event))
        elif reason := _through(event, arrival):
            taken.refused.append((index, Refused(reason, event.message_id, event.sample)))
        else:
            taken.events.append(event)
            if event.notes:
                taken.noted.append((index, event))
    return taken


def _through(event: Event, arrival: Arrival) -> DropReason | None:
    for step in STEPS:
        if reason := step(event, arrival):
            return reason
    return None
