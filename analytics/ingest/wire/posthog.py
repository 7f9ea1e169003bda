"""PostHog's formats: an array of events, a batch or one event, in any encoding that its clients use."""

from datetime import datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qs

import msgspec

from analytics.ingest.wire import assertions, encoding, envelope, lenient, times
from analytics.ingest.wire.assertions import NOTHING
from analytics.ingest.wire.event import (
    DropReason,
    Event,
    Payload,
    Rejection,
    RequestRejectedError,
    sample,
    text,
)
from analytics.ingest.wire.event import Text as Id

MAX_EVENT = 1 << 20
MAX_BODY = 20 * 1000 * 1000
MAX_EVENTS = 10_000
DIRECT = "$direct"
GROUP_EVENT = "$groupidentify"
# A server may pass on the page or the session of a request, but it is not the person's browser.
SERVER_LIBRARIES = frozenset(
    {
        "posthog-python",
        "posthog-node",
        "posthog-edge",
        "posthog-ruby",
        "posthog-php",
        "posthog-go",
        "posthog-java",
        "posthog-server",
        "posthog-dotnet",
        "posthog-elixir",
        "posthog-rs",
    }
)


class Capture(msgspec.Struct, gc=False):
    """One event as clients send it."""

    event: str | None = None
    distinct_id: Id = None
    other_distinct_id: Id = msgspec.field(name="$distinct_id", default=None)
    uuid: str | None = None
    properties: msgspec.Raw = NOTHING
    timestamp: datetime | None = None
    offset: float | None = None
    set: msgspec.Raw = msgspec.field(name="$set", default=NOTHING)
    set_once: msgspec.Raw = msgspec.field(name="$set_once", default=NOTHING)
    api_key: str | None = None
    token: str | None = None
    other_token: str | None = msgspec.field(name="$token", default=None)
    session_id: str | None = None
    options: "Options | None" = None


class Options(msgspec.Struct, gc=False):
    """What the newest clients send beside an event's properties."""

    disable_skew_correction: bool = False
    process_person_profile: bool | None = None


class ListedException(msgspec.Struct, gc=False):
    """An error. The first of a list is the one that was caught, the others are its causes."""

    type: str | None = None
    value: str | None = None


class Properties(msgspec.Struct, gc=False):
    """The properties that we interpret. All properties are stored as they were sent."""

    distinct_id: Id = None
    token: str | None = None
    alias: Id = None
    anonymous_id: Id = msgspec.field(name="$anon_distinct_id", default=None)
    is_identified: bool | None = msgspec.field(name="$is_identified", default=None)
    set: msgspec.Raw = msgspec.field(name="$set", default=NOTHING)
    set_once: msgspec.Raw = msgspec.field(name="$set_once", default=NOTHING)
    ignore_sent_at: bool | None = msgspec.field(name="$ignore_sent_at", default=None)
    session_id: Id = msgspec.field(name="$session_id", default=None)
    process_person_profile: bool | None = msgspec.field(name="$process_person_profile", default=None)
    device_id: Id = msgspec.field(name="$device_id", default=None)
    device_type: Id = msgspec.field(name="$device_type", default=None)
    screen: Id = msgspec.field(name="$screen_name", default=None)
    screen_width: Id = msgspec.field(name="$screen_width", default=None)
    url: str | None = msgspec.field(name="$current_url", default=None)
    path: str | None = msgspec.field(name="$pathname", default=None)
    title: str | None = None
    other_title: str | None = msgspec.field(name="$title", default=None)
    referrer: str | None = msgspec.field(name="$referrer", default=None)
    referring_domain: str | None = msgspec.field(name="$referring_domain", default=None)
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    locale: str | None = msgspec.field(name="$browser_language", default=None)
    library: str | None = msgspec.field(name="$lib", default=None)
    library_version: Id = msgspec.field(name="$lib_version", default=None)
    user_agent: str | None = msgspec.field(name="$raw_user_agent", default=None)
    ip: str | None = msgspec.field(name="$ip", default=None)
    exceptions: list[ListedException] | None = msgspec.field(name="$exception_list", default=None)
    geoip_disable: bool | None = msgspec.field(name="$geoip_disable", default=None)


class Batch(msgspec.Struct, gc=False):
    """A batch; without `batch`, the envelope of one event."""

    batch: list[msgspec.Raw] | None = None
    api_key: str | None = None
    token: str | None = None
    sent_at: datetime | None = None


class Token(msgspec.Struct, gc=False):
    token: str | None = None


class Keys(msgspec.Struct, gc=False):
    """The places of a key in a batch or an event."""

    api_key: str | None = None
    token: str | None = None
    properties: Token | None = None

    @property
    def key(self) -> str:
        return self.api_key or self.token or (self.properties and self.properties.token) or ""


class FirstEvent(msgspec.Struct, array_like=True, gc=False):
    """The first item of an array. msgspec skips the others."""

    event: Keys = msgspec.field(default_factory=Keys)

    @property
    def key(self) -> str:
        return self.event.key


class RequestHints(NamedTuple):
    """What the headers and the query say about the body."""

    content_type: str = ""
    data: str = ""
    compression: str = ""
    sent_at: datetime | None = None
    key: str = ""
    engage: bool = False


_batch = msgspec.json.Decoder(Batch)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_capture = msgspec.json.Decoder(Capture)
_properties = msgspec.json.Decoder(Properties)
_keys = msgspec.json.Decoder(Keys)
_first_event = msgspec.json.Decoder(FirstEvent)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse(body: bytes, hints: RequestHints) -> Payload:
    """Parse the JSON of any capture path. Raises RequestRejectedError."""
    return lenient.parse(body, partial(_parse, hints))


def unwrap(body: bytes, hints: RequestHints, limit: int) -> bytes:
    """Extract the JSON from query or form data, base64, lz-string and gzip.

    Raises RequestRejectedError, also if it has more than `limit` bytes.
    """
    hint = hints.compression
    if hints.data:
        body = hints.data.encode("latin-1", "replace")
    elif hints.content_type.startswith("application/x-www-form-urlencoded") or body.startswith(b"data="):
        fields = parse_qs(body.decode(errors="replace"), max_num_fields=20)
        body = fields["data"][0].encode() if "data" in fields else body
        hint = fields.get("compression", [hint])[0]
    if hint in ("lz64", "lz-string"):
        # Form decoding has turned each + of the base64 into a blank.
        return encoding.from_lz_string(body.replace(b" ", b"+"), limit)
    if body[:1] not in (b"{", b"[", encoding.GZIP_MAGIC[:1]):
        body = encoding.from_base64(body.replace(b" ", b"+")) or body
    # Current clients gzip without any hint, so only the first bytes are trusted.
    return encoding.inflate(body, limit) if body.startswith(encoding.GZIP_MAGIC) else body


def find_key(body: bytes) -> str:
    """The key of a batch or of the first event in an array, without decoding the events; "" if there is none."""
    if body.lstrip()[:1] == b"[":
        return envelope.find_key(body, _first_event)
    return envelope.find_key(body, _keys)


def _parse(hints: RequestHints, sanitized: lenient.Sanitized) -> Payload:
    around = _envelope(sanitized.body)
    raws = [msgspec.Raw(sanitized.body)] if around.batch is None else around.batch
    if not raws:
        raise RequestRejectedError("the batch is empty; send at least one event")
    envelope.check_events(len(raws), MAX_EVENTS)
    keys = {hints.key or around.api_key or around.token or ""}
    events = [
        _event_or_rejection(raw, index in sanitized.changed, hints, keys) for index, raw in enumerate(raws)
    ]
    # Events without a key of their own belong to the key of the others.
    keys.discard("")
    if len(keys) > 1:
        raise RequestRejectedError(
            "the events have different keys; send one request per key", 401, DropReason.UNKNOWN_KEY
        )
    sent_at = around.sent_at or hints.sent_at
    return Payload(keys.pop() if keys else "", events, sent_at and times.aware(sent_at))


def _envelope(body: bytes) -> Batch:
    if body.lstrip()[:1] == b"[":
        return Batch(_list.decode(body))
    return lenient.decode(body, _batch, Batch).value


def _event_or_rejection(
    raw: msgspec.Raw, sanitized: bool, hints: RequestHints, keys: set[str]
) -> Event | Rejection:
    try:
        capture, ignored = lenient.decode(raw, _capture, Capture)
        properties, more = _read_properties(capture.properties)
    except msgspec.ValidationError:
        return Rejection(DropReason.NOT_AN_EVENT, sample=sample(raw))
    if not hints.key:
        keys.add(capture.api_key or capture.token or capture.other_token or properties.token or "")
    try:
        event = _event(capture, properties, hints)
    except UnicodeDecodeError:
        return Rejection(DropReason.NOT_UTF8, capture.uuid or "", sample(raw))
    event.size = memoryview(raw).nbytes
    event.warnings = lenient.warnings(sanitized, [*ignored, *more])
    return event


def _read_properties(raw: msgspec.Raw) -> lenient.Decoded[Properties]:
    try:
        return lenient.decode(raw, _properties, Properties)
    except msgspec.ValidationError:
        # Not an object: a later step rejects the event and needs the original text for that.
        return lenient.Decoded(Properties(), [])


def _event(capture: Capture, properties: Properties, hints: RequestHints) -> Event:
    name = capture.event or ("$identify" if hints.engage else "")
    event = Event(
        id=capture.uuid or "",
        message_id=capture.uuid or "",
        event=name,
        distinct_id=text(capture.distinct_id)
        or text(capture.other_distinct_id)
        or text(properties.distinct_id),
        user_known="1" if properties.is_identified or name == "$identify" else "0",
        sent_timestamp=capture.timestamp,
        age_ms=capture.offset,
        trust_clock=bool(properties.ignore_sent_at)
        or bool(capture.options and capture.options.disable_skew_correction),
        properties=_without_ids(capture.properties, properties),
        client_session=text(properties.session_id) or capture.session_id or "",
        uuid_only=True,
        ignore_ip=bool(properties.geoip_disable),
    )
    _describe(event, properties)
    if _from_device(event, properties):
        event.device_id = text(properties.device_id) or event.distinct_id
    elif _says_personless(event, capture, properties):
        event.personless = "1"
    _link(event, properties)
    if name == "$exception":
        event.extra_properties = _error(properties.exceptions)
    event.person_set = assertions.merge(properties.set, capture.set)
    event.person_set_once = assertions.merge(properties.set_once, capture.set_once)
    return event


def _without_ids(raw: msgspec.Raw, properties: Properties) -> str:
    """The properties without write key and distinct id, which browsers repeat in each event's."""
    found = str(raw, "utf-8")
    for name, value in (("token", properties.token), ("distinct_id", properties.distinct_id)):
        if value is not None:
            found = _without(found, name, value)
    return found


def _without(found: str, name: str, value: object) -> str:
    # As posthog-js writes it. Decoding its dozens of properties would take as long as everything else.
    written = f'"{name}":"{value}",'
    if written in found and found.count(f'"{name}"') == 1:
        return found.replace(written, "", 1)
    fields = _fields.decode(found)
    del fields[name]
    return msgspec.json.encode(fields).decode()


def _error(exceptions: list[ListedException] | None) -> str:
    """The name and message of an error as properties, which questions can filter by."""
    if not exceptions:
        return ""
    named = {"$exception_type": exceptions[0].type, "$exception_message": exceptions[0].value}
    return msgspec.json.encode({name: value for name, value in named.items() if value}).decode()


def _from_device(event: Event, properties: Properties) -> bool:
    """Whether the event comes from a browser or an app: it has a session, a device, a page or a screen."""
    if properties.library in SERVER_LIBRARIES:
        return False
    signs = (
        event.client_session, event.url, event.path, properties.device_id, properties.device_type,
        properties.screen, properties.screen_width,
    )  # fmt: skip
    return properties.library == "web" or any(signs)


def _says_personless(event: Event, capture: Capture, properties: Properties) -> bool:
    if event.event == GROUP_EVENT:
        return True
    # An identify is about a person, whatever it says.
    told = (properties.process_person_profile, capture.options and capture.options.process_person_profile)
    return False in told and event.user_known == "0" and event.event != "$create_alias"


def _describe(event: Event, properties: Properties) -> None:
    event.url = properties.url or ""
    event.path = properties.path or ""
    event.title = properties.title or properties.other_title or ""
    event.referrer = "" if properties.referrer == DIRECT else properties.referrer or ""
    event.referring_domain = (
        "" if properties.referring_domain == DIRECT else properties.referring_domain or ""
    )
    event.utm_source = properties.utm_source or ""
    event.utm_medium = properties.utm_medium or ""
    event.utm_campaign = properties.utm_campaign or ""
    event.utm_term = properties.utm_term or ""
    event.utm_content = properties.utm_content or ""
    event.locale = properties.locale or ""
    event.library = f"{properties.library or ''} {text(properties.library_version)}".strip()
    event.user_agent = properties.user_agent or ""
    event.ip = properties.ip or ""


def _link(event: Event, properties: Properties) -> None:
    if event.event == "$identify":
        event.linked_id = text(properties.anonymous_id)
        event.link = "identify" if event.linked_id and event.linked_id != event.distinct_id else ""
    elif event.event == "$create_alias":
        # posthog-python sends the earlier id as distinct_id and the new one, which stays, as alias.
        event.linked_id = text(properties.distinct_id) or event.distinct_id
        event.distinct_id = text(properties.alias)
        event.link = "alias"
