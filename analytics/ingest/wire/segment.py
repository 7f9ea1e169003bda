"""Segment's HTTP API, our native format: one call or a batch of calls, each decoded into an Event."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from analytics.ingest.wire import assertions, circumstances, envelope, lenient, times
from analytics.ingest.wire.assertions import NOTHING
from analytics.ingest.wire.circumstances import ABSENT, Circumstances
from analytics.ingest.wire.encoding import GZIP_MAGIC, inflate
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
from analytics.schema import PAGEVIEW_EVENT

MAX_EVENT = 32 * 1024
MAX_BODY = 500 * 1000
MAX_EVENTS = 5_000
CAMPAIGN = {
    "source": "utm_source", "medium": "utm_medium", "name": "utm_campaign", "term": "utm_term",
    "content": "utm_content",
}  # fmt: skip
"""The columns of a campaign's fields. Other fields become properties."""
KINDS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch"}
SCREEN_EVENT = "$screen"
VIEWS = frozenset({PAGEVIEW_EVENT, SCREEN_EVENT})
EMPTY = (b"", b"null", b"{}")
# Their requests come from a data centre, so their address says nothing about where the person is.
SERVER_LIBRARIES = frozenset(
    {
        "analytics-python",
        "@segment/analytics-node",
        "analytics-node",
        "analytics-ruby",
        "analytics-go",
        "analytics-php",
        "analytics-java",
        "Analytics.NET",
    }
)


class Library(msgspec.Struct, gc=False):
    name: str = ""
    version: str = ""


class Page(msgspec.Struct, gc=False):
    url: str | None = None
    path: str | None = None
    referrer: str | None = None
    title: str | None = None


class Context(Circumstances, rename="camel", gc=False):
    library: Library | None = None
    ip: str | None = None
    user_agent: str | None = None
    page: Page | None = None
    campaign: dict[str, Any] | None = None
    locale: str | None = None
    session_id: Text = None


class Call(msgspec.Struct, rename="camel", gc=False):
    """One call of any type, as clients send it."""

    type: str | None = None
    message_id: Text = None
    user_id: Text = None
    anonymous_id: Text = None
    timestamp: datetime | None = None
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    event: Text = None
    name: Text = None
    category: Text = None
    properties: msgspec.Raw = NOTHING
    traits: msgspec.Raw = NOTHING
    context: Context | None = None
    group_id: Text = None
    previous_id: Text = None
    write_key: str | None = None


class Batch(msgspec.Struct, rename="camel", gc=False):
    batch: list[msgspec.Raw] | None = None
    context: Context | None = None
    sent_at: datetime | None = None
    write_key: str | None = None


class WriteKey(msgspec.Struct, rename="camel", gc=False):
    write_key: str | None = None

    @property
    def key(self) -> str:
        return self.write_key or ""


FillEvent = Callable[[Event, Call], None]
"""Sets the fields that only one type of call has."""

_call = msgspec.json.Decoder(Call)
_batch = msgspec.json.Decoder(Batch)
_page = msgspec.json.Decoder(Page)
_write_key = msgspec.json.Decoder(WriteKey)


def parse(kind: str, body: bytes) -> Payload:
    """Parse the JSON of POST /v1/{kind}. Raises RequestRejectedError."""
    return lenient.parse(body, partial(_parse, kind))


def parse_message(name: str, body: bytes) -> Payload:
    """Parse one call as an event of this name, without properties. Raises RequestRejectedError.

    Id, time and context are read as from any call. The caller reads all other fields from the payload's `json`.
    """
    return lenient.parse(body, partial(_parse_message, name))


def unwrap(body: bytes, limit: int) -> bytes:
    """The JSON of a body. Raises RequestRejectedError, also if it has more than `limit` bytes."""
    # Some browser clients gzip without a Content-Encoding header, because the header would cost a CORS preflight.
    return inflate(body, limit) if body.startswith(GZIP_MAGIC) else body


def find_key(body: bytes) -> str:
    """The body's write key, without decoding its events; "" if there is none."""
    return envelope.find_key(body, _write_key)


def _parse_message(name: str, sanitized: lenient.Sanitized) -> Payload:
    # Decode everything now: the caller reads its own fields later, when a failure would no longer be sanitized.
    msgspec.json.decode(sanitized.body)
    call, warnings = _decode_call(sanitized.body, 0 in sanitized.changed)
    event = _event(call, sanitized.body, warnings, partial(_set_name, name=name))
    return Payload(
        call.write_key or "", [event], call.sent_at and times.aware(call.sent_at), json=sanitized.body
    )


def _parse(kind: str, sanitized: lenient.Sanitized) -> Payload:
    if kind != "batch":
        call, warnings = _decode_call(sanitized.body, 0 in sanitized.changed)
        events: list[Event | Rejection] = [_event(call, sanitized.body, warnings, FILL_EVENT[kind])]
        return Payload(call.write_key or "", events, call.sent_at and times.aware(call.sent_at))
    batch = lenient.decode(sanitized.body, _batch, Batch).value
    if batch.batch is None:
        raise RequestRejectedError('batch is missing; send {"batch": [...]}')
    envelope.check_events(len(batch.batch), MAX_EVENTS)
    events = [
        _batch_item(raw, index in sanitized.changed, batch.context) for index, raw in enumerate(batch.batch)
    ]
    return Payload(batch.write_key or "", events, batch.sent_at and times.aware(batch.sent_at))


def _batch_item(raw: msgspec.Raw, sanitized: bool, shared: Context | None) -> Event | Rejection:
    try:
        call, warnings = _decode_call(raw, sanitized)
    except msgspec.ValidationError:
        return Rejection(DropReason.NOT_AN_EVENT, sample=sample(raw))
    if shared is not None:
        call.context = _merged_context(call.context, shared)
    return _event(call, raw, warnings, FILL_EVENT.get(call.type or ""))


def _decode_call(raw: msgspec.Raw | bytes, sanitized: bool) -> tuple[Call, tuple[WarningReason, ...]]:
    """Decode a call, strictly if possible. Raises msgspec.ValidationError if it is not an object."""
    if not sanitized:
        try:
            return _call.decode(raw), ()
        except msgspec.ValidationError:
            pass
    call, ignored = lenient.decode(raw, _call, Call)
    return call, lenient.warnings(sanitized, ignored)


def _merged_context(own: Context | None, shared: Context) -> Context:
    if own is None:
        return shared
    for name in Context.__struct_fields__:
        if getattr(own, name) in (None, ABSENT):
            setattr(own, name, getattr(shared, name))
    return own


def _event(
    call: Call, raw: msgspec.Raw | bytes, warnings: tuple[WarningReason, ...], fill: FillEvent | None
) -> Event | Rejection:
    message_id = text(call.message_id)
    try:
        if fill is None:
            return Rejection(DropReason.UNKNOWN_TYPE, message_id, sample(raw))
        user, anonymous = text(call.user_id), text(call.anonymous_id)
        event = Event(
            id=message_id,
            message_id=message_id,
            distinct_id=user or anonymous,
            anonymous_id=anonymous,
            user_known="1" if user else "0",
            sent_timestamp=call.timestamp,
            size=memoryview(raw).nbytes,
            warnings=warnings,
        )
        if call.context is not None:
            _describe(event, call.context)
        fill(event, call)
        event.extra_properties = _extra_properties(call, event)
        if _from_device(event, call.context):
            event.device_id = anonymous or user
        if not event.person_set:
            assertions.extract(event)
    except UnicodeDecodeError:
        return Rejection(DropReason.NOT_UTF8, message_id, sample(raw))
    return event


def _from_device(event: Event, context: Context | None) -> bool:
    """Whether the event comes from a browser or an app: it has a page, a screen or a device."""
    # A server may pass on the page of a request, but it is not the person's browser.
    if event.ignore_ip:
        return False
    if event.event in VIEWS:
        return True
    if context is None:
        return False
    return bool(context.page) or any(bytes(part) not in EMPTY for part in (context.screen, context.device))


def _describe(event: Event, context: Context) -> None:
    if (library := context.library) is not None:
        event.library = f"{library.name} {library.version}".strip()
        event.ignore_ip = library.name in SERVER_LIBRARIES
    event.ip = context.ip or ""
    event.user_agent = context.user_agent or ""
    event.locale = context.locale or ""
    event.client_session = text(context.session_id)
    if context.page is not None:
        _set_page(event, context.page)
    if context.campaign:
        for name, column in CAMPAIGN.items():
            if isinstance(value := context.campaign.get(name), str):
                setattr(event, column, value)


def _extra_properties(call: Call, event: Event) -> str:
    """What else the call says, as the JSON text of properties; empty if nothing."""
    found: circumstances.Fields = {}
    if (context := call.context) is not None:
        found = circumstances.describe(context)
        for name, value in (context.campaign or {}).items():
            if name not in CAMPAIGN:
                found[f"$campaign_{name}"] = msgspec.Raw(msgspec.json.encode(value))
    if event.anonymous_id and event.anonymous_id != event.distinct_id:
        found["$anonymous_id"] = msgspec.Raw(msgspec.json.encode(event.anonymous_id))
    if event.link == "alias" and event.linked_id:
        found["$previous_id"] = msgspec.Raw(msgspec.json.encode(event.linked_id))
    return msgspec.json.encode(found).decode() if found else ""


def _set_page(event: Event, page: Page) -> None:
    event.url = page.url or event.url
    event.path = page.path or event.path
    event.referrer = page.referrer or event.referrer
    event.title = page.title or event.title


def _set_name(event: Event, call: Call, name: str) -> None:
    event.event = name


def _track(event: Event, call: Call) -> None:
    event.event = text(call.event)
    event.properties = str(call.properties, "utf-8")


def _identify(event: Event, call: Call) -> None:
    event.event = "$identify"
    event.person_set = str(call.traits, "utf-8")
    # The text as it was sent. If it is not an object, `check_properties` rejects the event because of person_set.
    event.properties = f'{{"$set":{event.person_set}}}'
    # Some clients send the user id as anonymousId too. A link of an id with itself means nothing.
    if event.anonymous_id and event.user_known == "1" and event.anonymous_id != event.distinct_id:
        event.link, event.linked_id = "identify", event.anonymous_id


def _page_or_screen(event: Event, call: Call, name: str) -> None:
    event.event = name
    event.properties = _with_name_and_category(call)
    _set_page(event, _page_properties(call.properties))
    event.title = event.title or text(call.name)


def _page_properties(properties: msgspec.Raw) -> Page:
    try:
        return _page.decode(properties)
    except msgspec.ValidationError:
        return Page()


def _with_name_and_category(call: Call) -> str:
    """Properties of a page or screen, with the name and category that older clients send beside them."""
    beside = {"name": text(call.name), "category": text(call.category)}
    if not any(beside.values()):
        return str(call.properties, "utf-8")
    try:
        # Raw values: numbers beyond 64 bits must not change on the way.
        own = msgspec.json.decode(call.properties, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return str(call.properties, "utf-8")
    extra = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in beside.items() if value}
    return msgspec.json.encode(extra | own).decode()


def _group(event: Event, call: Call) -> None:
    event.event = "$groupidentify"
    key = msgspec.json.encode(text(call.group_id)).decode()
    event.properties = (
        f'{{"$group_type":"group","$group_key":{key},"$group_set":{str(call.traits, "utf-8")}}}'
    )


def _alias(event: Event, call: Call) -> None:
    event.event = "$create_alias"
    event.link, event.linked_id = "alias", text(call.previous_id)


FILL_EVENT: dict[str, FillEvent] = {
    "track": _track,
    "identify": _identify,
    "page": partial(_page_or_screen, name=PAGEVIEW_EVENT),
    "screen": partial(_page_or_screen, name=SCREEN_EVENT),
    "group": _group,
    "alias": _alias,
}
