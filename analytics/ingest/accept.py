"""The steps that every event passes before it is stored. Each step changes the event or rejects it."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import uuid4

import msgspec

from analytics.ingest.wire import assertions, circumstances, lenient, times
from analytics.ingest.wire.event import DropReason, Event, Proof, Rejection, RequestContext, WarningReason
from analytics.ingest.wire.urls import parse_url
from analytics.schema import IDENTIFY_EVENT, PROVED_ALIAS, means_nobody

MAX_NAME = 200
# Without a limit, an id beyond 2,704 bytes would not fit into the index of distinct ids and fail its batch.
MAX_ID = 200
# Not stored, but parsed by regular expressions and cached, here and by enrich. Those of real clients are shorter.
MAX_USER_AGENT = 500
# An IPv6 address that embeds an IPv4 address.
MAX_ADDRESS = 45
MAX_DEPTH = 64
MAX_PROPERTIES = 1000
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)

# Stricter than uuid.UUID(), which also reads "urn:uuid:...", and PostgreSQL does not.
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The digit of a UUID that holds the variant of RFC 9562 in its first two bits."""

CRAWLERS = re.compile(
    r"(google|bing|yandex|baidu|duckduck|apple|semrush|ahrefs|mj12|dot|petal|amazon|gpt|claude|ccbot|perplexity"
    r"|facebook|twitter|linkedin|slack|telegram|discord|pinterest|seznam|sogou)[a-z-]*(bot|spider|crawler)\b"
    r"|facebookexternalhit|\bslurp\b|\bbaiduspider\b|\bbytespider\b|\bccbot\b|\bgoogle-inspectiontool\b|\bmediapartners-google\b",
    re.IGNORECASE,
)

Step = Callable[[Event, RequestContext], DropReason | None]


def set_request_fields(event: Event, context: RequestContext) -> DropReason | None:
    event.project_id = context.project_text
    event.received_at = context.received_text
    event.ip = event.ip[:MAX_ADDRESS] or ("" if event.ignore_ip else context.ip)
    event.user_agent = (event.user_agent or context.user_agent)[:MAX_USER_AGENT]
    return None


def check_size(event: Event, context: RequestContext) -> DropReason | None:
    return DropReason.TOO_LARGE if event.size > context.max_event else None


def reject_crawlers(event: Event, context: RequestContext) -> DropReason | None:
    return DropReason.BOT if event.user_agent and _is_crawler(event.user_agent) else None


@lru_cache(maxsize=4096)
def _is_crawler(user_agent: str) -> bool:
    return CRAWLERS.search(user_agent) is not None


def check_name(event: Event, context: RequestContext) -> DropReason | None:
    if len(event.event) > MAX_NAME:
        event.event = event.event[:MAX_NAME]
        event.warn(WarningReason.SHORTENED)
    return None if event.event and not event.event.isspace() else DropReason.NO_NAME


def reject_reserved_names(event: Event, context: RequestContext) -> DropReason | None:
    return DropReason.RESERVED_NAME if event.event in context.reserved else None


def check_ids(event: Event, context: RequestContext) -> DropReason | None:
    if not event.distinct_id or (event.link == "alias" and not event.linked_id):
        return DropReason.NO_ID
    if len(event.distinct_id) > MAX_ID or len(event.linked_id) > MAX_ID:
        event.distinct_id, event.linked_id = event.distinct_id[:MAX_ID], event.linked_id[:MAX_ID]
        event.warn(WarningReason.SHORTENED)
    return None


def drop_placeholder_ids(event: Event, context: RequestContext) -> DropReason | None:
    # Otherwise everyone whose client sent "null" or "undefined" as an id would become one person.
    if means_nobody(event.distinct_id):
        event.warn(WarningReason.MEANINGLESS_ID)
        anonymous = event.anonymous_id or event.linked_id
        if not means_nobody(anonymous):
            event.distinct_id = anonymous[:MAX_ID]
        event.link, event.linked_id, event.user_known = "", "", "0"
    elif event.link and means_nobody(event.linked_id):
        event.warn(WarningReason.MEANINGLESS_ID)
        event.link, event.linked_id = "", ""
    return None


def check_identity(event: Event, context: RequestContext) -> DropReason | None:
    """Mark what a secret key or an identity token proves. Refuse the rest of what names a user, if that is enforced."""
    proof = context.proof
    if proof.secret_key:
        _mark_proved(event)
    elif proof.identity.user:
        return _check_token(event, proof)
    elif _names_user(event, proof):
        return _refuse(event, proof, proof.identity.refusal())
    return None


def _check_token(event: Event, proof: Proof) -> DropReason | None:
    # An alias is proved by a token of either of the two.
    claimed = (event.distinct_id, event.linked_id) if event.link == "alias" else (event.distinct_id,)
    refusal = proof.identity.refusal(*claimed)
    if refusal is not None:
        return _refuse(event, proof, refusal) if _names_user(event, proof) else None
    if event.distinct_id == proof.identity.user:
        _mark_proved(event)
    elif event.link == "alias":
        event.link = PROVED_ALIAS
    return None


def _mark_proved(event: Event) -> None:
    if event.link == "alias":
        event.link = PROVED_ALIAS
    if event.user_known == "1":
        event.user_known = "2"


def _refuse(event: Event, proof: Proof, refusal: DropReason | None) -> DropReason | None:
    if proof.enforced:
        return refusal
    event.unproved = refusal or ""
    return None


def _names_user(event: Event, proof: Proof) -> bool:
    """Whether the event says who somebody is, and not only what a user did."""
    # Of messages to the team the caller is checked, who may have no user id in the body (record/callers.py).
    if proof.checked:
        return False
    return event.link != "" or (event.event == IDENTIFY_EVENT and event.user_known != "0")


def set_device(event: Event, context: RequestContext) -> DropReason | None:
    if event.client_session:
        event.device_id = ""
    elif event.device_id:
        # A placeholder is no device: everyone whose client sent it would share one session.
        event.device_id = (event.distinct_id if means_nobody(event.device_id) else event.device_id)[:MAX_ID]
    return None


def set_id(event: Event, context: RequestContext) -> DropReason | None:
    """Set the deduplication key: the client's UUID, the UUIDv5 of any other text, or a new UUID."""
    if not event.id:
        event.id = str(uuid4())
    elif UUID_TEXT.fullmatch(event.id) is None:
        if event.uuid_only:
            return DropReason.INVALID_UUID
        event.id = _uuid5(context.project_id, event.id)
    return None


def _uuid5(project_id: int, name: str) -> str:
    # The namespace is the project: the same messageId in two projects must not be one event.
    text = hashlib.sha1(_namespace(project_id) + name.encode(), usedforsecurity=False).hexdigest()
    # Formatted here: UUID() and its str() take four times as long, a fifth of the time of an event.
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


@lru_cache(maxsize=4096)
def _namespace(project_id: int) -> bytes:
    return hashlib.sha256(f"firsthand project {project_id}".encode()).digest()[:16]


def set_timestamp(event: Event, context: RequestContext) -> DropReason | None:
    """Set when the event happened: the client's time, corrected by the skew of the client's clock."""
    moment = _corrected_time(event, context)
    if moment > context.latest:
        event.warn(WarningReason.FUTURE)
        moment = context.received_at
    elif moment < OLDEST:
        event.warn(WarningReason.TOO_OLD)
        moment = context.received_at
    event.timestamp = times.to_iso(moment)
    return None


def _corrected_time(event: Event, context: RequestContext) -> datetime:
    try:
        if event.age_ms is not None:
            # Relative to sending, so it needs no clock at all.
            return context.received_at - timedelta(milliseconds=event.age_ms)
        moment = event.sent_timestamp
        if moment is None:
            return context.received_at
        if moment.tzinfo is not UTC:
            moment = times.aware(moment).astimezone(UTC)
        return moment + context.skew if context.skew and not event.trust_clock else moment
    except (OverflowError, ValueError):
        # An offset of ages, or a year near 1 or 9999 that the correction moves out of datetime's range.
        event.warn(WarningReason.UNREADABLE_TIME)
        return context.received_at


def check_properties(event: Event, context: RequestContext) -> DropReason | None:
    if event.properties == "null":
        event.properties = "{}"
    if event.person_set == "null":
        event.person_set = ""
    if event.person_set_once == "null":
        event.person_set_once = ""
    return (
        _property_problem(event.properties)
        or (event.person_set and _property_problem(event.person_set))
        or (event.person_set_once and _property_problem(event.person_set_once))
        or None
    )


def _property_problem(value: str) -> DropReason | None:
    if value[0] != "{":
        return DropReason.PROPERTIES
    # Each level takes two brackets, so a text this short is neither too deep nor too full.
    if len(value) <= 2 * MAX_DEPTH:
        return None
    # Counting characters is cheap and never too low, so few events need the exact checks.
    if value.count("{") + value.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return DropReason.TOO_DEEP
    if len(value) > MAX_PROPERTIES and value.count(":") > MAX_PROPERTIES and _count(value) > MAX_PROPERTIES:
        return DropReason.TOO_MANY_PROPERTIES
    return None


def drop_unproved_assertions(event: Event, context: RequestContext) -> DropReason | None:
    """Whoever cannot say that they are a user cannot say what that user's email address is."""
    asserts = event.person_set or event.person_set_once
    if asserts and context.proof.enforced and event.user_known == "1":
        assertions.drop(event)
        event.warn(WarningReason.UNPROVED_FACTS)
    return None


def sanitize_assertions(event: Event, context: RequestContext) -> DropReason | None:
    # Enrich decodes these values after the client got its 200, too late to reject them.
    if event.person_set or event.person_set_once:
        event.person_set = _sanitized(event, event.person_set)
        event.person_set_once = _sanitized(event, event.person_set_once)
        assertions.store(event)
    return None


def add_extra_properties(event: Event, context: RequestContext) -> DropReason | None:
    if not event.extra_properties:
        return None
    if _property_problem(event.extra_properties):
        event.warn(WarningReason.FIELD_IGNORED)
    else:
        event.properties = circumstances.joined(event.properties, event.extra_properties)
    return None


def _sanitized(event: Event, facts: str) -> str:
    if not facts:
        return facts
    try:
        # Re-encoding drops duplicate names: PostgreSQL and DuckDB differ in which of two they read.
        return msgspec.json.encode(msgspec.json.decode(facts)).decode()
    except msgspec.ValidationError:
        event.warn(WarningReason.TEXT_MENDED)
        return lenient.sanitize(facts.encode()).body.decode()


def _count(value: str) -> int:
    return len(msgspec.json.decode(value, type=dict[str, msgspec.Raw]))


def _depth(value: str) -> int:
    depth = deepest = 0
    # Strings match as a whole, because brackets in them do not count.
    for bracket in re.findall(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', value):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        deepest = max(deepest, depth)
    return deepest


def fill_from_urls(event: Event, context: RequestContext) -> DropReason | None:
    """Fill path, campaign and referring domain from the URLs, unless the client sent them."""
    if event.url:
        page = parse_url(event.url)
        event.path = event.path or page.path
        campaign = page.campaign
        event.utm_source = event.utm_source or campaign[0]
        event.utm_medium = event.utm_medium or campaign[1]
        event.utm_campaign = event.utm_campaign or campaign[2]
        event.utm_term = event.utm_term or campaign[3]
        event.utm_content = event.utm_content or campaign[4]
    if event.referrer and not event.referring_domain:
        event.referring_domain = parse_url(event.referrer).domain
    return None


# The order matters: `check_size` and `check_properties` bound what the steps after them decode.
STEPS: tuple[Step, ...] = (
    set_request_fields,
    check_size,
    reject_crawlers,
    check_name,
    reject_reserved_names,
    check_ids,
    drop_placeholder_ids,
    check_identity,
    set_device,
    set_id,
    set_timestamp,
    check_properties,
    drop_unproved_assertions,
    sanitize_assertions,
    add_extra_properties,
    fill_from_urls,
)


class AcceptResult(msgspec.Struct, gc=False):
    """The events to store, the rejected ones, and those kept with warnings; both with their index in the payload.

    unproved   events that would be refused if the project enforced identity
    """

    events: list[Event]
    rejections: list[tuple[int, Rejection]]
    warned: list[tuple[int, Event]]
    unproved: list[Event] = msgspec.field(default_factory=list)

    @property
    def has_issues(self) -> bool:
        return bool(self.rejections or self.warned)


def accept(events: list[Event | Rejection], context: RequestContext) -> AcceptResult:
    result = AcceptResult([], [], [])
    for index, event in enumerate(events):
        if isinstance(event, Rejection):
            result.rejections.append((index, event))
            continue
        for step in STEPS:
            if reason := step(event, context):
                result.rejections.append((index, Rejection(reason, event.message_id, event.sample)))
                break
        else:
            result.events.append(event)
            if event.warnings:
                result.warned.append((index, event))
            if event.unproved:
                result.unproved.append(event)
    return result
