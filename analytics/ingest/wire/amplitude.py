"""Amplitude's formats, /2/httpapi and /batch: one body of events with an api_key."""

from datetime import datetime

import msgspec

from analytics.ingest.wire import envelope, lenient, times, updates
from analytics.ingest.wire.assertions import NOTHING
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
PAGE_VIEW = "[Amplitude] Page Viewed"
OUTSIDE_OF_SESSIONS = "-1"
SERVER_LIBRARIES = frozenset(
    {"amplitude-python", "amplitude-node", "amplitude-node-ts", "amplitude-java", "amplitude-go"}
)
"""Their devices are those that servers name, not those that send."""

REMOTE = "$remote"
"""Instead of an address: that of the request."""


class Call(msgspec.Struct, gc=False):
    """The fields of an event that we interpret. The others are kept among its properties."""

    event_type: Text = None
    user_id: Text = None
    device_id: Text = None
    time: msgspec.Raw = NULL
    insert_id: Text = None
    session_id: Text = None
    event_properties: msgspec.Raw = NOTHING
    user_properties: msgspec.Raw = NOTHING
    group_properties: msgspec.Raw = NOTHING
    groups: msgspec.Raw = NOTHING
    language: str | None = None
    library: str | None = None
    user_agent: str | None = None
    ip: str | None = None


class Page(msgspec.Struct, gc=False):
    """The event properties that browsers send about the page."""

    url: str | None = msgspec.field(name="[Amplitude] Page Location", default=None)
    path: str | None = msgspec.field(name="[Amplitude] Page Path", default=None)
    title: str | None = msgspec.field(name="[Amplitude] Page Title", default=None)
    referrer: str | None = None


class Body(msgspec.Struct, gc=False):
    events: list[msgspec.Raw] | None = None
    api_key: str | None = None
    client_upload_time: datetime | None = None


class Shape(msgspec.Struct, gc=False):
    """The fields by which a body of /batch is recognized."""

    events: msgspec.Raw = NULL
    batch: msgspec.Raw = NULL


INTERPRETED = frozenset(Call.__struct_fields__)

_shape = msgspec.json.Decoder(Shape)
_body = msgspec.json.Decoder(Body)
_call = msgspec.json.Decoder(Call)
_page = msgspec.json.Decoder(Page)
_fields = msgspec.json.Decoder(updates.Fields)


def matches(body: bytes) -> bool:
    """Whether a body of /batch is Amplitude's. PostHog's has the same path, and its events in `batch`."""
    # The search spares PostHog's clients a second decoding.
    if b'"events"' not in body or body.lstrip()[:1] != b"{":
        return False
    try:
        shape = lenient.decode_shape(body, _shape)
    except (msgspec.DecodeError, RequestRejectedError):
        return False
    return shape.events != NULL and shape.batch == NULL


def parse(body: bytes) -> Payload:
    """Parse the JSON of a body. Raises RequestRejectedError."""
    return lenient.parse(body, read)


def read(sanitized: lenient.Sanitized) -> Payload:
    """Raises RequestRejectedError, and msgspec.DecodeError if the body has to be sanitized first."""
    body = lenient.decode(sanitized.body, _body, Body).value
    if not body.events:
        raise RequestRejectedError(
            'events is missing or empty; send {"api_key": ..., "events": [...]}', where="events"
        )
    envelope.check_events(len(body.events), MAX_EVENTS)
    events = [_event_or_rejection(raw, index in sanitized.changed) for index, raw in enumerate(body.events)]
    sent_at = body.client_upload_time
    return Payload(body.api_key or "", events, sent_at and times.aware(sent_at))


def _event_or_rejection(raw: msgspec.Raw, sanitized: bool) -> Event | Rejection:
    try:
        call, ignored = lenient.decode(raw, _call, Call)
        fields = _fields.decode(raw)
    except msgspec.ValidationError:
        return Rejection(DropReason.NOT_AN_EVENT, sample=sample(raw))
    message_id = text(call.insert_id)
    try:
        event = _event(call, fields, message_id)
    except UnicodeDecodeError:
        return Rejection(DropReason.NOT_UTF8, message_id, sample(raw))
    except (updates.UnsupportedUpdateError, msgspec.ValidationError) as error:
        return updates.rejection(error, message_id, sample(raw))
    event.size = memoryview(raw).nbytes
    event.warnings += lenient.warnings(sanitized, ignored)
    return event


def _event(call: Call, fields: updates.Fields, message_id: str) -> Event:
    """Raises UnsupportedUpdateError and msgspec.ValidationError."""
    user, device, session = text(call.user_id), text(call.device_id), text(call.session_id)
    event = Event(
        id=message_id,
        message_id=message_id,
        event=PAGEVIEW_EVENT if call.event_type == PAGE_VIEW else text(call.event_type),
        distinct_id=user or device,
        anonymous_id=device,
        user_known="1" if user else "0",
        client_session="" if session == OUTSIDE_OF_SESSIONS else session,
        locale=call.language or "",
        # "amplitude-python/1.3.0", as name and version of other SDKs.
        library=(call.library or "").replace("/", " ", 1),
        user_agent=call.user_agent or "",
        ip="" if call.ip == REMOTE else call.ip or "",
        # Only a browser asks for the address of its request.
        ignore_ip=call.ip != REMOTE,
    )
    if not session and event.library.partition(" ")[0] not in SERVER_LIBRARIES:
        event.device_id = device
    if user and device and user != device:
        event.link, event.linked_id = "identify", device
    _set_time(event, call.time)
    own = _fields.decode(call.event_properties) if call.event_properties != NULL else {}
    kept = {f"${name}": value for name, value in fields.items() if name not in INTERPRETED}
    if device:
        kept["$device_id"] = updates.raw(device)
    if call.event_type == "$groupidentify":
        kept |= _group(event, call)
    elif call.groups not in (NOTHING, NULL):
        kept["$groups"] = call.groups
    event.properties = msgspec.json.encode(
        {name: value for name, value in kept.items() if value != NULL} | own
    ).decode()
    updates.update_person(event, _update(call.user_properties))
    _set_page(event, call.event_properties)
    return event


def _update(given: msgspec.Raw) -> updates.Update:
    """Operators, or plain properties, which are set. Raises UnsupportedUpdateError and msgspec.ValidationError."""
    if given == NULL:
        return updates.Update({}, {})
    fields = _fields.decode(given)
    update = updates.read(fields)
    update.set.update({name: value for name, value in fields.items() if not updates.is_operator(name)})
    return update


def _group(event: Event, call: Call) -> updates.Fields:
    """A group is nobody's: without a user it gets an id that no client uses for a person."""
    groups = msgspec.json.decode(call.groups, type=dict[str, Text | list[Text]])
    if len(groups) != 1:
        raise msgspec.ValidationError("groups must have exactly one group")
    [(kind, key)] = groups.items()
    if isinstance(key, list):
        raise msgspec.ValidationError("a group has one name")
    event.distinct_id = event.distinct_id or f"${kind}_{text(key)}"
    event.personless = "1"
    return updates.group_properties(kind, text(key), _update(call.group_properties))


def _set_time(event: Event, given: msgspec.Raw) -> None:
    value = msgspec.json.decode(given)
    if value is not None:
        event.sent_timestamp = times.parse(value)
        if event.sent_timestamp is None:
            event.warn(WarningReason.UNREADABLE_TIME)


def _set_page(event: Event, properties: msgspec.Raw) -> None:
    try:
        page = _page.decode(properties)
    except msgspec.ValidationError:
        return
    event.url, event.path = page.url or "", page.path or ""
    event.title, event.referrer = page.title or "", page.referrer or ""
