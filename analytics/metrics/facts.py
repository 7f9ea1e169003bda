"""Facts about people: what events set, the value of a fact as of a moment, and what changed when.

An assertion is one property that an event sets: person_id, property, value (JSON text), once (from `$set_once`),
at, sequence and event_id. As of a moment, the last `$set` until then wins, or else the first `$set_once`. Ties in time
are decided by order of arrival. The JSON value null means that the property is not set.
"""

import datetime as dt

import ibis
from ibis.expr import types as ir

from analytics.identity.property_limits import MAX_BYTES
from analytics.metrics.functions import epoch_us, json_extract, json_extract_string, json_keys

COLUMNS = ("person_id", "property", "value", "once", "at", "sequence", "event_id")
NULL = "null"
WHOLE = "$"
"""The JSON path of the whole value."""


def assertions(events: ir.Table) -> ir.Table:
    """One row per property that an event sets. `events` has the columns of schema.EVENT."""
    return ibis.union(_set_by(events, "$set", once=False), _set_by(events, "$set_once", once=True))


def _set_by(events: ir.Table, key: str, *, once: bool) -> ir.Table:
    # Few events set anything: a text search is many times faster than parsing the JSON of all of them.
    events = events.filter(events["properties"].contains(f'"{key}"'))
    names = events.mutate(property=json_keys(events["properties"], f"/{key}").unnest())
    # ~ first: after /, its ~1 would be escaped again.
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
    # As in enrich: such a value never becomes a property.
    rows = rows.filter(rows["value"].length() <= MAX_BYTES)
    # A null in $set_once does not count as the first value.
    return rows.filter(rows["value"] != NULL) if once else rows


def winning(facts: ir.Table, moment: dt.datetime | None = None) -> ir.Table:
    """The winning assertions as of a moment (None: now): person_id, property, value (JSON text), at, once, event_id.

    Includes those of null.
    """
    rows = facts if moment is None else facts.filter(facts["at"] <= ibis.literal(moment))
    at: ir.IntegerValue = epoch_us(rows["at"])
    sequence, once = rows["sequence"], rows["once"]
    rank = ibis.row_number().over(
        group_by=[rows["person_id"], rows["property"]],
        # Negated instead of desc(): the last $set wins but the first $set_once, and one sort key cannot have both
        # directions.
        order_by=[once.cast("int8"), ibis.ifelse(once, at, -at), ibis.ifelse(once, sequence, -sequence)],
    )
    ranked = rows.mutate(rank=rank)
    return ranked.filter(ranked["rank"] == 0).drop("rank")


def as_of(facts: ir.Table, name: str, moment: dt.datetime | None = None) -> ir.Table:
    """person_id and the value of a property as text, as of a moment (None: now), for everyone who has it."""
    found = winning(facts.filter(facts["property"] == name), moment)
    values = found.select("person_id", value=json_extract_string(found["value"], WHOLE))
    # Only after ranking: a null that was set last must hide the values before it.
    return values.filter(values["value"].notnull())


def changes(facts: ir.Table) -> ir.Table:
    """The assertions that changed a value, with the value `before` (JSON text; null if it was not set)."""
    person = [facts["person_id"], facts["property"]]
    order = [facts["at"], facts["sequence"], facts["once"].cast("int8")]
    ranked = facts.mutate(rank=ibis.row_number().over(group_by=person, order_by=order))
    # $set_once has an effect only if it is the very first assertion.
    effective = ranked.filter(~ranked["once"] | (ranked["rank"] == 0))
    rows = effective.mutate(value=effective["value"].nullif(NULL))
    before = rows["value"].lag().over(group_by=[rows["person_id"], rows["property"]], order_by=rows["rank"])
    changed = rows.mutate(before=before)
    # Not `!=`: with a null on one side it is null, and first values and removals would be left out.
    return changed.filter(~changed["value"].identical_to(changed["before"])).drop("rank")
