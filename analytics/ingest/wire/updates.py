"""Updates of people and groups by operators, as Mixpanel and Amplitude send them."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from analytics.ingest.wire.event import DropReason, Event, Rejection

Fields = dict[str, msgspec.Raw]
NULL = msgspec.Raw(b"null")

_fields = msgspec.json.Decoder(Fields)
_names = msgspec.json.Decoder(list[str] | Fields)

SET = frozenset({"$set"})
SET_ONCE = frozenset({"$set_once", "$setOnce"})
UNSET = frozenset({"$unset"})
# Their result depends on the value before, and facts are what events say, in any order of arrival.
UNSUPPORTED = frozenset({
    "$add", "$append", "$prepend", "$preInsert", "$postInsert", "$union", "$remove", "$delete", "$clearAll",
})  # fmt: skip


class UnsupportedUpdateError(Exception):
    """The update has an operator that facts cannot express."""


class Update(NamedTuple):
    """Properties to set, among them nulls for those to remove, and properties to set once."""

    set: Fields
    set_once: Fields


def read(given: Mapping[str, msgspec.Raw]) -> Update:
    """Read the operators among these fields. Raises UnsupportedUpdateError and msgspec.ValidationError."""
    update = Update({}, {})
    for name, value in given.items():
        if name in UNSUPPORTED:
            raise UnsupportedUpdateError(name)
        if name in SET:
            update.set.update(_fields.decode(value))
        elif name in SET_ONCE:
            update.set_once.update(_fields.decode(value))
        elif name in UNSET:
            update.set.update(dict.fromkeys(_names.decode(value), NULL))
    return update


def is_operator(name: str) -> bool:
    return name in SET or name in SET_ONCE or name in UNSET or name in UNSUPPORTED


def update_person(event: Event, update: Update) -> None:
    event.person_set, event.person_set_once = _text(update.set), _text(update.set_once)


def group_properties(kind: str, key: str, update: Update) -> Fields:
    """The properties of a `$groupidentify` event."""
    fields = {"$group_type": raw(kind), "$group_key": raw(key), "$group_set": raw(update.set)}
    return fields | ({"$group_set_once": raw(update.set_once)} if update.set_once else {})


def rejection(error: Exception, message_id: str, sample: str) -> Rejection:
    """For what `read` raises."""
    unsupported = isinstance(error, UnsupportedUpdateError)
    return Rejection(
        DropReason.UNSUPPORTED_UPDATE if unsupported else DropReason.PROPERTIES, message_id, sample
    )


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _text(fields: Fields) -> str:
    return msgspec.json.encode(fields).decode() if fields else ""
