"""What an event asserts about its person: `$set` and `$set_once`, which clients put in or beside its properties.

Wherever they came from, they are stored in the properties, for the history of facts is read from there; and enrich
gets the same texts.
"""

import msgspec

from analytics.ingest.wire.event import Event

NOTHING = msgspec.Raw(b"{}")
MARK = '"$set'
"""The history of facts looks for the same text."""

Fields = dict[str, msgspec.Raw]


class Asserted(msgspec.Struct, gc=False):
    """Properties that assert something."""

    set: msgspec.Raw = msgspec.field(name="$set", default=NOTHING)
    set_once: msgspec.Raw = msgspec.field(name="$set_once", default=NOTHING)


_asserted = msgspec.json.Decoder(Asserted)
_fields = msgspec.json.Decoder(Fields)


def find(event: Event) -> None:
    """Take up what the properties assert. Whatever is no object asserts nothing there."""
    if MARK not in event.properties:
        return
    try:
        found = _asserted.decode(event.properties)
    except msgspec.ValidationError:
        return
    event.person_set, event.person_set_once = _object(found.set), _object(found.set_once)


def _object(raw: msgspec.Raw) -> str:
    text = str(raw, "utf-8")
    return text if text.startswith("{") and raw is not NOTHING else ""


def joined(within: msgspec.Raw, beside: msgspec.Raw) -> str:
    """What stands in the properties and beside them, where PostHog lets the latter win.

    Of two that are not both objects, the one that is none: it gets the event refused.
    """
    given = [text for raw in (within, beside) if raw is not NOTHING and (text := str(raw, "utf-8")) != "null"]
    others = [text for text in given if not text.startswith("{")]
    if len(given) < 2 or others:
        return (others or given or [""])[0]
    return msgspec.json.encode(_fields.decode(given[0]) | _fields.decode(given[1])).decode()


def put(event: Event) -> None:
    """Write what the event asserts into its properties."""
    fields = _fields.decode(event.properties)
    if event.person_set:
        fields["$set"] = msgspec.Raw(event.person_set.encode())
    if event.person_set_once:
        fields["$set_once"] = msgspec.Raw(event.person_set_once.encode())
    event.properties = msgspec.json.encode(fields).decode()
