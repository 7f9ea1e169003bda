"""Facts about people: what events assert about them, the value of a fact as of a moment, and what changed when.

An assertion is one property that an event sets: person_id, property, value (JSON text), once (from `$set_once`),
at, sequence and event_id. As of a moment the last `$set` at or before it counts, or the first `$set_once` where
nothing was set; by time, then in order of arrival. The JSON value null means that the property is not set.
"""

import datetime as dt

import ibis
from ibis.expr import types as ir

from analytics.metrics.functions import epoch_us, json_extract, json_extract_string, json_keys

COLUMNS = ("person_id", "property", "value", "once", "at", "sequence", "event_id")
NULL = "null"
WHOLE = "$"
"""The path of a JSON value itself."""


def assertions(events: ir.Table) -> ir.Table:
    """A row per property that an event sets; events as schema.EVENT has them."""
    return ibis.union(_set_by(events, "$set", once=False), _set_by(events, "$set_once", once=True))


def _set_by(events: ir.Table, key: str, *, once: bool) -> ir.Table:
    # Few events set anything: a search for the text is many times quicker than reading all of them as JSON.
    events = events.filter(events["properties"].contains(f'"{key}"'))
    names = events.mutate(property=json_keys(events["properties"], f"/{key}").unnest())
    pointer = ibis.literal(f"/{key}/") + names["property"].replace("~", "~0").replace("/", "~1")
    rows = names.select(
        "person_id",
        "property",
        value=json_extract(names["properties"], pointer),
        once=ibis.literal(once),
        at=names["timestamp"],
        sequence=names["sequence"],
        event_id=names["id"],
    )
    # Null does not claim the place of the first value.
    return rows.filter(rows["value"] != NULL) if once else rows


def standing(facts: ir.Table, moment: dt.datetime | None = None) -> ir.Table:
    """person_id, property, value (JSON text), at, once, event_id: the assertions that count as of a moment (None: the
    newest), those of null among them."""
    rows = facts if moment is None else facts.filter(facts["at"] <= ibis.literal(moment))
    at, sequence, once = epoch_us(rows["at"]), rows["sequence"], rows["once"]
    place = ibis.row_number().over(
        group_by=[rows["person_id"], rows["property"]],
        order_by=[once.cast("int8"), ibis.ifelse(once, at, -at), ibis.ifelse(once, sequence, -sequence)],
    )
    ranked = rows.mutate(place=place)
    return ranked.filter(ranked["place"] == 0).drop("place")


def as_of(facts: ir.Table, name: str, moment: dt.datetime | None = None) -> ir.Table:
    """person_id and the text of a property as of a moment (None: the newest), of everyone who has it."""
    found = standing(facts.filter(facts["property"] == name), moment)
    values = found.select("person_id", value=json_extract_string(found["value"], WHOLE))
    return values.filter(values["value"].notnull())


def changes(facts: ir.Table) -> ir.Table:
    """The assertions that gave a fact another value, with the one `before` (JSON text; null: it was not set)."""
    person = [facts["person_id"], facts["property"]]
    order = [facts["at"], facts["sequence"], facts["once"].cast("int8")]
    ranked = facts.mutate(place=ibis.row_number().over(group_by=person, order_by=order))
    # What is set once counts only where nothing at all was set before.
    telling = ranked.filter(~ranked["once"] | (ranked["place"] == 0))
    rows = telling.mutate(value=telling["value"].nullif(NULL))
    before = rows["value"].lag().over(group_by=[rows["person_id"], rows["property"]], order_by=rows["place"])
    changed = rows.mutate(before=before)
    return changed.filter(~changed["value"].identical_to(changed["before"])).drop("place")
