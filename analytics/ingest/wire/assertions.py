"""What an event asserts about its person: `$set` and `$set_once`, inside its properties or beside them.

They are always stored in the properties, from which the history of facts is derived. Enrich gets the same values.
"""

import msgspec

from analytics.ingest.wire.event import Event

NOTHING = msgspec.Raw(b"{}")
MARK = '"$set'
"""Must be the same text that the history of facts searches for."""

Fields = dict[str, msgspec.Raw]


class Asserted(msgspec.Struct, gc=False):
    """The two properties that make assertions."""

    set: msgspec.Raw = msgspec.field(name="$set", default=NOTHING)
    set_once: msgspec.Raw = msgspec.field(name="$set_once", default=NOTHING)


_asserted = msgspec.json.Decoder(Asserted)
_fields = msgspec.json.Decoder(Fields)


def extract(event: Event) -> None:
    """Copy the assertions from the properties into the event. A value that is not an object is ignored."""
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


def merge(within: msgspec.Raw, beside: msgspec.Raw) -> str:
    """Merge the assertions inside the properties with those beside them, which win as in PostHog.

    If one of them is not an object, return that one: a later step then rejects the event.
    """
    given = [text for raw in (within, beside) if raw is not NOTHING and (text := str(raw, "utf-8")) != "null"]
    others = [text for text in given if not text.startswith("{")]
    if len(given) < 2 or others:
        return (others or given or [""])[0]
    return msgspec.json.encode(_fields.decode(given[0]) | _fields.decode(given[1])).decode()


def drop(event: Event) -> None:
    """Take the event's assertions back, also out of its properties."""
    fields = _fields.decode(event.properties)
    kept = {name: value for name, value in fields.items() if name not in ("$set", "$set_once")}
    event.properties, event.person_set, event.person_set_once = msgspec.json.encode(kept).decode(), "", ""


def store(event: Event) -> None:
    """Write the event's assertions into its properties."""
    fields = _fields.decode(event.properties)
    if event.person_set:
        fields["$set"] = msgspec.Raw(event.person_set.encode())
    if event.person_set_once:
        fields["$set_once"] = msgspec.Raw(event.person_set_once.encode())
    event.properties = msgspec.json.encode(fields).decode()
