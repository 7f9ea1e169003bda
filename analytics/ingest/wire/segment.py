"""Segment's HTTP API, our native format: one call or a batch of them, each turned into an Event."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec

from analytics.ingest.wire import assertions, lenient, times
from analytics.ingest.wire.assertions import NOTHING
from analytics.ingest.wire.encoding import GZIP_MAGIC, inflate
from analytics.ingest.wire.event import (
    DropReason,
    Event,
    Note,
    Parcel,
    Refused,
    Text,
    Unreadable,
    sample,
    text,
)
from analytics.schema import PAGEVIEW_EVENT

MAX_EVENT = 32 * 1024
MAX_BODY = 500 * 1000
KINDS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch"}
SERVERS = frozenset(
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


class Campaign(msgspec.Struct, gc=False):
    source: str | None = None
    medium: str | None = None
    name: str | None = None
    term: str | None = None
    content: str | None = None


class Context(msgspec.Struct, rename="camel", gc=False):
    library: Library | None = None
    ip: str | None = None
    user_agent: str | None = None
    page: Page | None = None
    campaign: Campaign | None = None
    locale: str | None = None
    session_id: Text = None


class Call(msgspec.Struct, rename="camel", gc=False):
    """One call as clients send it, whichever its type."""

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


Shape = Callable[[Event, Call], None]
"""What is particular to one type of call."""

_call = msgspec.json.Decoder(Call)
_batch = msgspec.json.Decoder(Batch)
_page = msgspec.json.Decoder(Page)


def parse(kind: str, body: bytes) -> Parcel:
    """A body of POST /v1/{kind}. Raises Unreadable."""
    return lenient.parse(_plain(body), partial(_parse, kind))


def parse_message(name: str, body: bytes) -> Parcel:
    """A body in the form of one call that becomes an event of this name, without properties. Raises Unreadable.

    Who, when and where are read as of any call; everything else in it is left to whoever reads the parcel's `json`.
    """
    return lenient.parse(_plain(body), partial(_message, name))


def _plain(body: bytes) -> bytes:
    """A browser that announced its gzip would have to ask first whether it may (CORS), so some do not."""
    return inflate(body, MAX_BODY) if body.startswith(GZIP_MAGIC) else body


def _message(name: str, mended: lenient.Mended) -> Parcel:
    # A call's own fields are decoded below and all others only later, when nothing would mend them any more.
    msgspec.json.decode(mended.body)
    call, notes = _read(mended.body, 0 in mended.changed)
    event = _event(call, mended.body, notes, partial(_named_event, name=name))
    return Parcel(call.write_key or "", [event], call.sent_at and times.aware(call.sent_at), json=mended.body)


def _parse(kind: str, mended: lenient.Mended) -> Parcel:
    if kind != "batch":
        call, notes = _read(mended.body, 0 in mended.changed)
        events: list[Event | Refused] = [_event(call, mended.body, notes, SHAPES[kind])]
        return Parcel(call.write_key or "", events, call.sent_at and times.aware(call.sent_at))
    batch = lenient.decode(mended.body, _batch, Batch).value
    if batch.batch is None:
        raise Unreadable('batch is missing; send {"batch": [...]}')
    events = [_item(raw, index in mended.changed, batch.context) for index, raw in enumerate(batch.batch)]
    return Parcel(batch.write_key or "", events, batch.sent_at and times.aware(batch.sent_at))


def _item(raw: msgspec.Raw, mended: bool, shared: Context | None) -> Event | Refused:
    try:
        call, notes = _read(raw, mended)
    except msgspec.ValidationError:
        return Refused(DropReason.NOT_AN_EVENT, sample=sample(raw))
    if shared is not None:
        call.context = _merged(call.context, shared)
    return _event(call, raw, notes, SHAPES.get(call.type or ""))


def _read(raw: msgspec.Raw | bytes, mended: bool) -> tuple[Call, tuple[Note, ...]]:
    """Nearly all are read strictly, with nothing to tell. Raises msgspec.ValidationError for what is no object."""
    if not mended:
        try:
            return _call.decode(raw), ()
        except msgspec.ValidationError:
            pass
    call, ignored = lenient.decode(raw, _call, Call)
    return call, lenient.notes(mended, ignored)


def _merged(own: Context | None, shared: Context) -> Context:
    if own is None:
        return shared
    for name in Context.__struct_fields__:
        if getattr(own, name) is None:
            setattr(own, name, getattr(shared, name))
    return own


def _event(
    call: Call, raw: msgspec.Raw | bytes, notes: tuple[Note, ...], shape: Shape | None
) -> Event | Refused:
    message_id = text(call.message_id)
    try:
        if shape is None:
            return Refused(DropReason.UNKNOWN_TYPE, message_id, sample(raw))
        user, anonymous = text(call.user_id), text(call.anonymous_id)
        event = Event(
            id=message_id,
            message_id=message_id,
            distinct_id=user or anonymous,
            anonymous_id=anonymous,
            user_known="1" if user else "0",
            sent_timestamp=call.timestamp,
            size=memoryview(raw).nbytes,
            notes=notes,
        )
        if call.context is not None:
            _describe(event, call.context)
        shape(event, call)
        if not event.person_set:
            assertions.find(event)
    except UnicodeDecodeError:
        return Refused(DropReason.NOT_UTF8, message_id, sample(raw))
    return event


def _describe(event: Event, context: Context) -> None:
    if (library := context.library) is not None:
        event.library = f"{library.name} {library.version}".strip()
        event.placeless = library.name in SERVERS
    event.ip = context.ip or ""
    event.user_agent = context.user_agent or ""
    event.locale = context.locale or ""
    event.client_session = text(context.session_id)
    if context.page is not None:
        _visit(event, context.page)
    if (campaign := context.campaign) is not None:
        event.utm_source = campaign.source or ""
        event.utm_medium = campaign.medium or ""
        event.utm_campaign = campaign.name or ""
        event.utm_term = campaign.term or ""
        event.utm_content = campaign.content or ""


def _visit(event: Event, page: Page) -> None:
    event.url = page.url or event.url
    event.path = page.path or event.path
    event.referrer = page.referrer or event.referrer
    event.title = page.title or event.title


def _named_event(event: Event, call: Call, name: str) -> None:
    event.event = name


def _track(event: Event, call: Call) -> None:
    event.event = text(call.event)
    event.properties = str(call.properties, "utf-8")


def _identify(event: Event, call: Call) -> None:
    event.event = "$identify"
    event.person_set = str(call.traits, "utf-8")
    event.properties = f'{{"$set":{event.person_set}}}'
    if event.anonymous_id and event.user_known == "1" and event.anonymous_id != event.distinct_id:
        event.link, event.linked_id = "identify", event.anonymous_id


def _viewed(event: Event, call: Call, name: str) -> None:
    event.event = name
    event.properties = _named(call)
    _visit(event, _page_of(call.properties))
    event.title = event.title or text(call.name)


def _page_of(properties: msgspec.Raw) -> Page:
    try:
        return _page.decode(properties)
    except msgspec.ValidationError:
        return Page()


def _named(call: Call) -> str:
    """A page's or screen's properties with its name and category, which older clients send beside them."""
    beside = {"name": text(call.name), "category": text(call.category)}
    if not any(beside.values()):
        return str(call.properties, "utf-8")
    try:
        given = msgspec.json.decode(call.properties, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return str(call.properties, "utf-8")
    said = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in beside.items() if value}
    return msgspec.json.encode(said | given).decode()


def _group(event: Event, call: Call) -> None:
    event.event = "$groupidentify"
    key = msgspec.json.encode(text(call.group_id)).decode()
    event.properties = (
        f'{{"$group_type":"group","$group_key":{key},"$group_set":{str(call.traits, "utf-8")}}}'
    )


def _alias(event: Event, call: Call) -> None:
    event.event = "$create_alias"
    event.link, event.linked_id = "alias", text(call.previous_id)


SHAPES: dict[str, Shape] = {
    "track": _track,
    "identify": _identify,
    "page": partial(_viewed, name=PAGEVIEW_EVENT),
    "screen": partial(_viewed, name="$screen"),
    "group": _group,
    "alias": _alias,
}
