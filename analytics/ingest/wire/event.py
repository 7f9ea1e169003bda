"""The Event that every wire format becomes. Its first fields are the columns of analytics_inbox, in order."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import msgspec

from analytics.ingest.wire import times
from analytics.schema import RESERVED_EVENTS

NO_SKEW = timedelta(0)
# Only events older than two days are looked up in the lake for duplicates. From further ahead, one could leave
# PostgreSQL, be sent again and still be too young for that (decision 1).
MAX_AHEAD = timedelta(hours=23)
MAX_SAMPLE = 500
SECRET = re.compile(r"fhk_[\w-]+")


class DropReason(StrEnum):
    """Why an event or a whole request was rejected. The ledger counts each reason."""

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
    NO_TIME = "no_time"
    IDENTITY_MISSING = "identity_missing"
    IDENTITY_MALFORMED = "identity_malformed"
    IDENTITY_ALGORITHM = "identity_algorithm"
    IDENTITY_KID = "identity_kid"
    IDENTITY_SIGNATURE = "identity_signature"
    IDENTITY_EXPIRED = "identity_expired"
    IDENTITY_LIFETIME = "identity_lifetime"
    IDENTITY_AUDIENCE = "identity_audience"
    IDENTITY_SUBJECT = "identity_subject"
    UNSUPPORTED_UPDATE = "unsupported_update"


class WarningReason(StrEnum):
    """What was changed in an event that was kept. Shown in the response and among the ingestion warnings."""

    MEANINGLESS_ID = "meaningless_id"
    FUTURE = "future"
    TOO_OLD = "too_old"
    UNREADABLE_TIME = "unreadable_time"
    FIELD_IGNORED = "field_ignored"
    TEXT_MENDED = "text_mended"
    SHORTENED = "shortened"
    UNPROVED_FACTS = "unproved_facts"


EXPLANATIONS: dict[DropReason | WarningReason, str] = {
    DropReason.UNREADABLE: "the request body cannot be read",
    DropReason.UNKNOWN_KEY: "no project has this write key; copy it from the project's settings",
    DropReason.ORIGIN: "this origin is not one of the project's allowed origins; add it in the project's settings",
    DropReason.NOT_AN_EVENT: "an event must be a JSON object",
    DropReason.UNKNOWN_TYPE: "type must be one of track, identify, page, screen, group, alias",
    DropReason.TOO_LARGE: "the event is too large; send smaller properties",
    DropReason.TOO_DEEP: "properties are nested deeper than 64 levels",
    DropReason.TOO_MANY_PROPERTIES: "the event has more than 1,000 properties",
    DropReason.PROPERTIES: "properties, traits, $set and $set_once must be JSON objects",
    DropReason.NO_NAME: "the event has no name; send a text that is not blank",
    DropReason.RESERVED_NAME: "this event name is reserved for Firsthand; choose another name",
    DropReason.NO_ID: "the event has no userId, anonymousId or distinct_id; send one as text or a number",
    DropReason.INVALID_UUID: "uuid is not a UUID; leave it out or send a valid one",
    DropReason.NOT_UTF8: "the text of the event is not UTF-8",
    DropReason.INVALID_FIELD: "a field has an invalid value; the response names the field",
    DropReason.RATE_LIMITED: "too many requests from this address; retry later",
    DropReason.NOT_STORABLE: "the database rejected the event",
    DropReason.BOT: "sent by a well-known crawler",
    DropReason.NO_TIME: "an imported event needs its time; send `time` in seconds or milliseconds since 1970",
    DropReason.UNSUPPORTED_UPDATE: "only $set, $set_once and $unset are supported; compute the new value and send $set",
    DropReason.IDENTITY_MISSING: "nothing proves the userId; send an identity token in the header Firsthand-Identity",
    DropReason.IDENTITY_MALFORMED: "the identity token is not a JWT with the claims sub and exp",
    DropReason.IDENTITY_ALGORITHM: "the identity token is not signed with HS256",
    DropReason.IDENTITY_KID: "the identity token names a secret (kid) that the project does not have or has revoked",
    DropReason.IDENTITY_SIGNATURE: "the identity token's signature is wrong; sign it with an identity secret",
    DropReason.IDENTITY_EXPIRED: "the identity token has expired, or is not valid yet; sign a new one",
    DropReason.IDENTITY_LIFETIME: "the identity token expires more than 24 hours ahead; use a shorter lifetime",
    DropReason.IDENTITY_AUDIENCE: "the identity token is for another project (aud)",
    DropReason.IDENTITY_SUBJECT: "the identity token is for another user (sub)",
    WarningReason.MEANINGLESS_ID: "this id is a placeholder such as null or undefined, so it identifies nobody",
    WarningReason.FUTURE: "the timestamp is more than 23 hours in the future; the time of arrival is used instead",
    WarningReason.TOO_OLD: "the timestamp is before the year 2000; the time of arrival is used instead",
    WarningReason.UNREADABLE_TIME: "the timestamp cannot be read (send ISO 8601); the time of arrival is used instead",
    WarningReason.FIELD_IGNORED: "a field has the wrong type and was ignored",
    WarningReason.TEXT_MENDED: "NUL characters, lone surrogates and invalid numbers were replaced",
    WarningReason.UNPROVED_FACTS: "nothing proves the user id, so properties of the person ($set) were left out",
    WarningReason.SHORTENED: "a text was too long and was truncated",
}


class Event(msgspec.Struct, gc=False):
    """One event on its way into the inbox. Columns are text, as COPY takes them; an empty text is NULL.

    id             as sent, until the step `set_id` makes it a UUID
    timestamp      when it happened, ISO 8601 in UTC; empty until the step `set_timestamp`
    user_known     "0", "1", or "2" if an identity token or a secret key proves the user id
    personless     "1" or "0"
    device_id      the browser's or app's own id; empty for servers. The step `set_device` leaves it only where needed
    sent_timestamp the time by the client's clock, if it sent one that can be read
    anonymous_id   the anonymous id, when distinct_id is a user id
    age_ms         PostHog's `offset`: milliseconds between the event and the request
    trust_clock    the client says its clock is right ($ignore_sent_at)
    uuid_only      an id that is not a UUID is an error (PostHog); otherwise it is hashed (Segment)
    ignore_ip      sent by a server, so the peer's address says nothing about the person
    extra_properties  JSON text of properties that the format has in fields of their own; those of the client win
    size           bytes of the event as JSON
    warnings       what was changed
    unproved       why the event would be refused if the project enforced identity; "" if it would not
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
    personless: str = "0"
    device_id: str = ""
    message_id: str = ""
    anonymous_id: str = ""
    sent_timestamp: datetime | None = None
    age_ms: float | None = None
    trust_clock: bool = False
    uuid_only: bool = False
    ignore_ip: bool = False
    extra_properties: str = ""
    size: int = 0
    warnings: tuple[WarningReason, ...] = ()
    unproved: DropReason | str = ""

    def warn(self, warn: WarningReason) -> None:
        if warn not in self.warnings:
            self.warnings = (*self.warnings, warn)

    @property
    def sample(self) -> str:
        """Name, id and values: enough to find the code that sent the event."""
        values = (part for part in (self.person_set, self.properties) if part not in ("", "{}", "null"))
        return _without_secrets(
            " ".join((self.event or "(no name)", self.distinct_id or "(no id)", *values))[:MAX_SAMPLE]
        )


class Rejection(NamedTuple):
    """An event that is not stored: the reason, the client's messageId, and the first bytes as a sample."""

    reason: DropReason
    message_id: str = ""
    sample: str = ""


class Identity(NamedTuple):
    """Whom the request's identity token proves. `problem` is why it proves nobody; "" if there is no token."""

    user: str = ""
    kid: str = ""
    email: str = ""
    name: str = ""
    problem: DropReason | str = ""

    def refusal(self, *claimed: str) -> DropReason | None:
        """Why the token does not prove one of these user ids; None if it does."""
        if self.user:
            return None if self.user in claimed else DropReason.IDENTITY_SUBJECT
        return DropReason(self.problem or DropReason.IDENTITY_MISSING)


NOBODY_PROVED = Identity()


class Proof(NamedTuple):
    """What proves the user ids of a request.

    secret_key  it was sent with an API key that may merge people
    identity    whom its identity token proves
    enforced    the project refuses user ids that nothing proves
    checked     that was done before, because the body alone does not say who is speaking
    """

    secret_key: bool = False
    identity: Identity = NOBODY_PROVED
    enforced: bool = False
    checked: bool = False


NO_PROOF = Proof()


class RequestContext(msgspec.Struct, frozen=True, gc=False):
    """What a step needs to know of the request. Create it with `request_context`."""

    project_id: int
    received_at: datetime
    skew: timedelta
    latest: datetime
    user_agent: str
    ip: str
    max_event: int
    reserved: frozenset[str]
    proof: Proof
    project_text: str
    received_text: str


def request_context(
    project_id: int,
    received_at: datetime,
    sent_at: datetime | None = None,
    *,
    user_agent: str = "",
    ip: str = "",
    max_event: int = 32 * 1024,
    reserved: frozenset[str] = RESERVED_EVENTS,
    proof: Proof = NO_PROOF,
) -> RequestContext:
    """`sent_at` is the client's clock at sending; its skew corrects all times. `reserved` names are rejected."""
    return RequestContext(
        project_id=project_id,
        received_at=received_at,
        skew=received_at - sent_at if sent_at else NO_SKEW,
        latest=received_at + MAX_AHEAD,
        user_agent=user_agent,
        ip=ip,
        max_event=max_event,
        reserved=reserved,
        proof=proof,
        project_text=str(project_id),
        received_text=times.to_iso(received_at),
    )


class Payload(msgspec.Struct, gc=False):
    """A decoded body: its write key, the client's clock at sending, and its events in order.

    json    the whole body as clean JSON, for endpoints that read more fields than an event has
    """

    key: str
    events: list[Event | Rejection]
    sent_at: datetime | None = None
    json: bytes = b""


class RequestRejectedError(Exception):
    """The whole request is rejected. The message says what is wrong; `status` is 400, 401, 403, 408, 413, 415 or 429.

    where   the invalid field ("context.page"); empty for the whole request
    wait    seconds for Retry-After; 0 when a retry cannot succeed
    events  how many events a retry should delay
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        reason: DropReason = DropReason.UNREADABLE,
        *,
        where: str = "",
        wait: int = 0,
        events: int = 0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.where = where
        self.wait = wait
        self.events = events


Text = str | int | float | None
"""The types that clients use for ids and names."""


def text(value: Text) -> str:
    """An id or a name as text. None becomes empty, and 4.0 becomes "4"."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def sample(raw: msgspec.Raw | bytes) -> str:
    """The first bytes of an event as valid text."""
    # Cut before decoding, which would read megabytes. The cut may split a character, hence `replace`.
    return _without_secrets(bytes(memoryview(raw)[:MAX_SAMPLE]).decode(errors="replace"))


def _without_secrets(text: str) -> str:
    # Some clients send their key in every body, and everyone in the project can read samples.
    return SECRET.sub("fhk_…", text)
