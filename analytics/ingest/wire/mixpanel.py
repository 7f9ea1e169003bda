"""Mixpanel's formats: events of /track and /import, updates of people at /engage and of groups at /groups."""

import hashlib
import re
from functools import partial
from typing import NamedTuple

import msgspec

from analytics.ingest.wire import assertions, envelope, lenient, times, updates
from analytics.ingest.wire.event import (
    DropReason,
    Event,
    Payload,
    Rejection,
    RequestRejectedError,
    Text,
    WarningReason,
    sample,
    text,
)
from analytics.ingest.wire.updates import NULL
from analytics.schema import PAGEVIEW_EVENT

MAX_EVENTS = 2_000
DIRECT = "$direct"
DEVICE = "$device:"
PAGE_VIEW = "$mp_web_page_view"
FORM = "application/x-www-form-urlencoded"
LINES = "application/x-ndjson"
# Kept in columns, or forgotten: the key, and the address (decision 7).
NOT_STORED = ("token", "distinct_id", "time", "$insert_id", "ip", "$ip")
# The other libraries are those of browsers and apps, which send no session id.
SERVER_LIBRARIES = frozenset({"python", "node", "ruby", "php", "java", "go", "jdk", "dotnet", "elixir"})
FLAG = re.compile(rb"(?:^|&)(verbose|ip)=([^&]{0,8})")


class Record(msgspec.Struct, gc=False):
    """An event, or an update of a person or a group."""

    event: str | None = None
    properties: msgspec.Raw = assertions.NOTHING
    token: str | None = msgspec.field(name="$token", default=None)
    distinct_id: Text = msgspec.field(name="$distinct_id", default=None)
    time: msgspec.Raw = msgspec.field(name="$time", default=NULL)
    ip: str | None = msgspec.field(name="$ip", default=None)
    group_key: Text = msgspec.field(name="$group_key", default=None)
    group_id: Text = msgspec.field(name="$group_id", default=None)


class Properties(msgspec.Struct, gc=False):
    """The properties that we interpret."""

    token: str | None = None
    distinct_id: Text = None
    insert_id: Text = msgspec.field(name="$insert_id", default=None)
    time: msgspec.Raw = NULL
    user_id: Text = msgspec.field(name="$user_id", default=None)
    device_id: Text = msgspec.field(name="$device_id", default=None)
    identified_id: Text = msgspec.field(name="$identified_id", default=None)
    anonymous_id: Text = msgspec.field(name="$anon_distinct_id", default=None)
    other_anonymous_id: Text = msgspec.field(name="$anon_id", default=None)
    alias: Text = None
    merged: list[Text] | None = msgspec.field(name="$distinct_ids", default=None)
    session_id: Text = msgspec.field(name="$session_id", default=None)
    url: str | None = msgspec.field(name="$current_url", default=None)
    path: str | None = msgspec.field(name="current_url_path", default=None)
    title: str | None = msgspec.field(name="current_page_title", default=None)
    referrer: str | None = msgspec.field(name="$referrer", default=None)
    referring_domain: str | None = msgspec.field(name="$referring_domain", default=None)
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    library: str | None = msgspec.field(name="mp_lib", default=None)
    library_version: Text = msgspec.field(name="$lib_version", default=None)
    ip: str | None = None
    other_ip: str | None = msgspec.field(name="$ip", default=None)


class Token(msgspec.Struct, gc=False):
    token: msgspec.Raw = NULL


class Shape(msgspec.Struct, gc=False):
    """The fields by which a body of /track or /engage is recognized."""

    event: msgspec.Raw = NULL
    properties: Token | None = None
    mixpanel_token: msgspec.Raw = msgspec.field(name="$token", default=NULL)
    batch: msgspec.Raw = NULL
    api_key: msgspec.Raw = NULL
    token: msgspec.Raw = NULL
    uuid: msgspec.Raw = NULL
    timestamp: msgspec.Raw = NULL
    offset: msgspec.Raw = NULL
    distinct_id: msgspec.Raw = NULL

    @property
    def is_posthogs(self) -> bool:
        beside = (
            self.batch,
            self.api_key,
            self.token,
            self.uuid,
            self.timestamp,
            self.offset,
            self.distinct_id,
        )
        return any(each != NULL for each in beside)


class First(msgspec.Struct, array_like=True, gc=False):
    """The first record of an array. msgspec skips the others."""

    record: Shape = msgspec.field(default_factory=Shape)


class Hints(NamedTuple):
    """What path, headers, query and form say about the records.

    updates      /engage or /groups: updates instead of events
    historical   /import: an event without a time would get that of the import
    use_address  the client's address is the person's: `ip=1`
    key          the key for records without a token
    """

    updates: bool = False
    historical: bool = False
    use_address: bool = False
    key: str = ""


_shape = msgspec.json.Decoder(Shape)
_first = msgspec.json.Decoder(First)
_record = msgspec.json.Decoder(Record)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_properties = msgspec.json.Decoder(Properties)
_fields = msgspec.json.Decoder(updates.Fields)


def matches(body: bytes) -> bool:
    """Whether the JSON of /track or /engage is Mixpanel's. PostHog's has the same paths, and a key beside the event."""
    try:
        shape = _decode_shape(body)
    except (msgspec.DecodeError, RequestRejectedError):
        return False
    if shape.is_posthogs:
        return False
    if shape.event == NULL:
        return shape.mixpanel_token != NULL
    return shape.properties is not None and shape.properties.token != NULL


def _decode_shape(body: bytes) -> Shape:
    if body.lstrip()[:1] == b"[":
        return lenient.decode_shape(body, _first).record
    return lenient.decode_shape(body, _shape)


def from_lines(body: bytes) -> bytes:
    """One record per line, as an array."""
    return b"[" + b",".join(line for line in body.splitlines() if line.strip()) + b"]"


def flags(body: bytes, content_type: str) -> dict[str, str]:
    """`verbose` and `ip` of a form, without decoding its data."""
    if not (content_type.startswith(FORM) or body.startswith(b"data=")):
        return {}
    return {name.decode(): value.decode("latin-1") for name, value in FLAG.findall(body)}


def parse(body: bytes, hints: Hints) -> Payload:
    """Parse the JSON of any path. Raises RequestRejectedError."""
    return lenient.parse(body, partial(read, hints))


def read(hints: Hints, sanitized: lenient.Sanitized) -> Payload:
    """Raises RequestRejectedError, and msgspec.DecodeError if the body has to be sanitized first."""
    body = sanitized.body
    raws = _list.decode(body) if body.lstrip()[:1] == b"[" else [msgspec.Raw(body)]
    if not raws:
        raise RequestRejectedError("the batch is empty; send at least one event")
    envelope.check_events(len(raws), MAX_EVENTS)
    keys: set[str] = set()
    events = [_read_one(raw, index in sanitized.changed, hints, keys) for index, raw in enumerate(raws)]
    keys.discard("")
    if len(keys) > 1:
        raise RequestRejectedError(
            "the events have different tokens; send one request per token", 401, DropReason.UNKNOWN_KEY
        )
    return Payload(keys.pop() if keys else hints.key, events)


def _read_one(raw: msgspec.Raw, sanitized: bool, hints: Hints, keys: set[str]) -> Event | Rejection:
    try:
        record, ignored = lenient.decode(raw, _record, Record)
        if not hints.updates:
            return _read_event(raw, record, lenient.warnings(sanitized, ignored), hints, keys)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        reason = DropReason.NOT_UTF8 if isinstance(error, UnicodeDecodeError) else DropReason.NOT_AN_EVENT
        return Rejection(reason, sample=sample(raw))
    keys.add(record.token or "")
    try:
        event = _update(raw, record, updates.read(_fields.decode(raw)))
    except (updates.UnsupportedUpdateError, msgspec.ValidationError) as error:
        return updates.rejection(error, "", sample(raw))
    event.ignore_ip = not hints.use_address
    event.warnings += lenient.warnings(sanitized, ignored)
    return event


def _update(raw: msgspec.Raw, record: Record, update: updates.Update) -> Event:
    if record.group_key is not None:
        kind, key = text(record.group_key), text(record.group_id)
        # A group is nobody's: it gets an id that no client uses for a person.
        id = f"${kind}_{key}" if kind and key else ""
        event = Event(event="$groupidentify", distinct_id=id, personless="1")
        event.properties = msgspec.json.encode(updates.group_properties(kind, key, update)).decode()
    else:
        person = text(record.distinct_id)
        event = Event(event="$set", distinct_id=person, user_known=_known(person, ""), ip=record.ip or "")
        updates.update_person(event, update)
    event.size = memoryview(raw).nbytes
    if _set_time(event, record.time):
        # Updates have no id of their own. With its time, one that is sent again has the same bytes.
        event.id = f"update {hashlib.sha256(raw).hexdigest()}"
    return event


def _read_event(
    raw: msgspec.Raw, record: Record, warnings: tuple[WarningReason, ...], hints: Hints, keys: set[str]
) -> Event | Rejection:
    try:
        properties, ignored = lenient.decode(record.properties, _properties, Properties)
        fields = _fields.decode(record.properties)
    except msgspec.ValidationError:
        return Rejection(DropReason.PROPERTIES, sample=sample(raw))
    keys.add(properties.token or "")
    message_id = text(properties.insert_id)
    for name in NOT_STORED:
        fields.pop(name, None)
    event = Event(
        id=message_id,
        message_id=message_id,
        event=PAGEVIEW_EVENT if record.event == PAGE_VIEW else record.event or "",
        properties=msgspec.json.encode(fields).decode(),
        client_session=text(properties.session_id),
        ignore_ip=not hints.use_address,
        size=memoryview(raw).nbytes,
        warnings=warnings,
    )
    for note in lenient.warnings(False, ignored):
        event.warn(note)
    if not _set_time(event, properties.time) and hints.historical and not _links(record.event):
        return Rejection(DropReason.NO_TIME, message_id, sample(raw))
    _describe(event, properties)
    _identify(event, properties)
    if properties.library not in SERVER_LIBRARIES and (properties.library or properties.device_id):
        event.device_id = text(properties.device_id) or event.distinct_id
    assertions.extract(event)
    return event


def _links(name: str | None) -> bool:
    return name in ("$create_alias", "$identify", "$merge")


def _set_time(event: Event, given: msgspec.Raw) -> bool:
    """Set when it happened: seconds or milliseconds since 1970, or ISO 8601. Returns whether it could be read."""
    value = msgspec.json.decode(given)
    if value is None:
        return False
    # Clients of other languages send the number as text.
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal() and len(value) < 20:
        value = float(value)
    event.sent_timestamp = times.parse(value)
    if event.sent_timestamp is None:
        event.warn(WarningReason.UNREADABLE_TIME)
    return event.sent_timestamp is not None


def _describe(event: Event, properties: Properties) -> None:
    event.url = properties.url or ""
    event.path = properties.path or ""
    event.title = properties.title or ""
    event.referrer = "" if properties.referrer == DIRECT else properties.referrer or ""
    event.referring_domain = (
        "" if properties.referring_domain == DIRECT else properties.referring_domain or ""
    )
    event.utm_source = properties.utm_source or ""
    event.utm_medium = properties.utm_medium or ""
    event.utm_campaign = properties.utm_campaign or ""
    event.utm_term = properties.utm_term or ""
    event.utm_content = properties.utm_content or ""
    event.library = " ".join(part for part in (properties.library, text(properties.library_version)) if part)
    event.ip = properties.ip or properties.other_ip or ""


def _identify(event: Event, properties: Properties) -> None:
    """Set the ids. Mixpanel's clients join an anonymous id and a user by an event that has both, or by name."""
    device = text(properties.device_id)
    user, sent = text(properties.user_id), text(properties.distinct_id)
    event.distinct_id = user or sent or (DEVICE + device if device else "")
    event.user_known = "1" if user else _known(sent, device)
    if event.event == "$identify":
        event.distinct_id = text(properties.identified_id) or event.distinct_id
        anonymous = text(properties.anonymous_id) or text(properties.other_anonymous_id)
        _link(event, anonymous)
        event.user_known = "1"
    elif event.event == "$create_alias":
        _alias(event, text(properties.alias), sent)
    elif event.event == "$merge" and properties.merged and len(properties.merged) == 2:
        event.event = "$create_alias"
        _alias(event, *map(text, properties.merged))
    elif user and device:
        _link(event, DEVICE + device)


def _link(event: Event, anonymous: str) -> None:
    if anonymous and anonymous != event.distinct_id:
        event.anonymous_id = event.linked_id = anonymous
        event.link = "identify"


def _alias(event: Event, id: str, other: str) -> None:
    event.distinct_id, event.linked_id, event.link, event.user_known = id, other, "alias", "0"


def _known(distinct_id: str, device: str) -> str:
    """Whether it is a user id: neither of Mixpanel's two forms of anonymous ids."""
    return "0" if not distinct_id or distinct_id.startswith(DEVICE) or distinct_id == device else "1"
