"""What every wire format is turned into: one Event, whose first fields are the columns of analytics_inbox in order."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from analytics.ingest.wire import times
from analytics.schema import RESERVED_EVENTS

NO_TIME = timedelta(0)
FUTURE = timedelta(hours=23)


class DropReason(StrEnum):
    """Why an event, or a whole request, was refused; the ledger counts each of them."""

    UNREADABLE = "unreadable"
    UNKNOWN_KEY = "unknown_key"
    ORIGIN = "origin"
    NOT_AN_EVENT = "not_an_event"
    UNKNOWN_TYPE = "unknown_type"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY_PROPERTIES = "too_many_properties"
    PROPERTIES = "properties"
    NO_NAME = "no_name"
    RESERVED_NAME = "reserved_name"
    NO_ID = "no_id"
    NOT_STORABLE = "not_storable"
    INVALID_UUID = "invalid_uuid"
    NOT_UTF8 = "not_utf8"
    INVALID_FIELD = "invalid_field"
    RATE_LIMITED = "rate_limited"
    BOT = "bot"


class Note(StrEnum):
    """What was mended in an event that was kept; named in the answer and among the ingestion warnings."""

    MEANINGLESS_ID = "meaningless_id"
    FUTURE = "future"
    TOO_OLD = "too_old"
    UNREADABLE_TIME = "unreadable_time"
    FIELD_IGNORED = "field_ignored"
    TEXT_MENDED = "text_mended"
    SHORTENED = "shortened"


EXPLANATIONS: dict[DropReason | Note, str] = {
    DropReason.UNREADABLE: "the body cannot be read",
    DropReason.UNKNOWN_KEY: "no project has this write key; copy it from the project's settings",
    DropReason.ORIGIN: "this origin is not among the project's allowed origins",
    DropReason.NOT_AN_EVENT: "an event is a JSON object",
    DropReason.UNKNOWN_TYPE: "type is one of track, identify, page, screen, group, alias",
    DropReason.TOO_LARGE: "the event is larger than allowed; send less in its properties",
    DropReason.TOO_DEEP: "properties are nested deeper than 64 levels",
    DropReason.TOO_MANY_PROPERTIES: "an event has at most 1,000 properties",
    DropReason.PROPERTIES: "properties, traits, $set and $set_once are JSON objects",
    DropReason.NO_NAME: "the event has no name; a name is text that is not blank",
    DropReason.RESERVED_NAME: "only Firsthand itself records events of this name; choose another one",
    DropReason.NO_ID: "nobody is named; give userId or anonymousId (distinct_id), a text or a number",
    DropReason.INVALID_UUID: "uuid is not a UUID; leave it out or send a valid one",
    DropReason.NOT_UTF8: "the text of the event is not UTF-8",
    DropReason.INVALID_FIELD: "a field has a value that it cannot have; the answer names it",
    DropReason.RATE_LIMITED: "too much came from this address at once; send it again later",
    DropReason.NOT_STORABLE: "the database does not take it",
    DropReason.BOT: "sent by a well-known crawler",
    Note.MEANINGLESS_ID: "this id stands for nobody, so it identifies no one",
    Note.FUTURE: "the time lies more than 23 hours ahead; the time of arrival was taken",
    Note.TOO_OLD: "the time lies before the year 2000; the time of arrival was taken",
    Note.UNREADABLE_TIME: "the time cannot be read (send ISO 8601); the time of arrival was taken",
    Note.FIELD_IGNORED: "a field has the wrong type and was left out",
    Note.TEXT_MENDED: "NUL characters, lone surrogates and numbers that are none were replaced",
    Note.SHORTENED: "a text that was too long was cut",
}


class Event(msgspec.Struct, gc=False):
    """One event on its way into the inbox. The columns are text as COPY takes them; what is absent is empty (NULL).

    id             as sent until the step `named_once`, then a UUID
    timestamp      empty until the step `timed`: when it happened, ISO 8601 in UTC
    user_known     "1" or "0"
    sent_timestamp the client's own clock, if it sent a time that can be read
    anonymous_id   the anonymous side, when distinct_id is a user id
    age_ms         PostHog's `offset`: how long ago it happened when it was sent
    trust_clock    the client says its clock is right ($ignore_sent_at)
    uuid_only      an id that is no UUID is an error (PostHog), not another name (Segment)
    placeless      sent by a server, whose address says nothing about the person's country
    size           bytes of the event as JSON
    notes          what was mended
    """

    project_id: str = ""
    id: str = ""
    event: str = ""
    timestamp: str = ""
    received_at: str = ""
    distinct_id: str = ""
    url: str = ""
    path: str = ""
    title: str = ""
    referrer: str = ""
    referring_domain: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    locale: str = ""
    library: str = ""
    properties: str = "{}"
    link: str = ""
    linked_id: str = ""
    user_known: str = "0"
    client_session: str = ""
    user_agent: str = ""
    ip: str = ""
    person_set: str = ""
    person_set_once: str = ""
    message_id: str = ""
    anonymous_id: str = ""
    sent_timestamp: datetime | None = None
    age_ms: float | None = None
    trust_clock: bool = False
    uuid_only: bool = False
    placeless: bool = False
    size: int = 0
    notes: tuple[Note, ...] = ()

    def note(self, note: Note) -> None:
        if note not in self.notes:
            self.notes = (*self.notes, note)

    @property
    def sample(self) -> str:
        """What it is, whose, and what it holds: enough to find the line of code that sent it."""
        held = (part for part in (self.person_set, self.properties) if part not in ("", "{}", "null"))
        return " ".join((self.event or "(no name)", self.distinct_id or "(no id)", *held))[:SAMPLE]


class Refused(NamedTuple):
    """One event that is not taken: why, the client's name for it, and its first bytes as a sample."""

    reason: DropReason
    message_id: str = ""
    sample: str = ""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """What is known of a request beside its body. Make it with `arrival`."""

    project_id: int
    received_at: datetime
    skew: timedelta
    latest: datetime
    user_agent: str
    ip: str
    max_event: int
    reserved: frozenset[str]
    project: str
    received: str


def arrival(
    project_id: int,
    received_at: datetime,
    sent_at: datetime | None = None,
    *,
    user_agent: str = "",
    ip: str = "",
    max_event: int = 32 * 1024,
    reserved: frozenset[str] = RESERVED_EVENTS,
) -> Arrival:
    """`sent_at` is the client's clock when it sent the request: how far it is off shifts all its times.

    `reserved` are names of events that are refused.
    """
    return Arrival(
        project_id=project_id,
        received_at=received_at,
        skew=received_at - sent_at if sent_at else NO_TIME,
        latest=received_at + FUTURE,
        user_agent=user_agent,
        ip=ip,
        max_event=max_event,
        reserved=reserved,
        project=str(project_id),
        received=times.written(received_at),
    )


class Parcel(msgspec.Struct, gc=False):
    """A body that could be read: whose it says it is, when it says it was sent, and its events in order.

    json    the whole body, inflated and mended, where the door reads more than an event in it
    """

    key: str
    events: list[Event | Refused]
    sent_at: datetime | None = None
    json: bytes = b""


class Unreadable(Exception):  # noqa: N818 (it names the state of a body)
    """The body as a whole cannot be taken. The message says what is wrong; `status` is 400, 401, 403, 408, 413...

    where   the field at fault ("context.page"); empty where it is the whole
    wait    seconds after which it may be sent again; 0 when that would change nothing
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        reason: DropReason = DropReason.UNREADABLE,
        *,
        where: str = "",
        wait: int = 0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.where = where
        self.wait = wait


SAMPLE = 500
Text = str | int | float | None
"""What clients use for ids and names."""


def text(value: Text) -> str:
    """An id or a name as text: numbers are written out, nothing is empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def sample(raw: msgspec.Raw | bytes) -> str:
    """The first bytes of an event, as text that can be stored."""
    return bytes(memoryview(raw)[:SAMPLE]).decode(errors="replace")
