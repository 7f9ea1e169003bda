"""Where occurrences are counted: raw events, or the rollup of them per person, local day and event name.

A metric is written once against a Source; both sources give it the same columns:
person_id, period (0 is the window's first; less than 0 is before it), within (whether it is one of the window's) and
times (how many events a row stands for).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
from ibis.expr import types as ir

from analytics.metrics.filters import EventFilter, holds, property_text
from analytics.metrics.periods import Window

DAY = dt.timedelta(1)
Facts = Mapping[str, ir.Table]
"""For each property of people that a question names, a table (person_id, value as text); absent is not set."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that stand for events, with `person_id`, `period`, `within` and `times`."""

    table: ir.Table
    window: Window
    facts: Facts

    def matches(self, meant: EventFilter) -> ir.BooleanValue:
        named = [] if meant.event is None else [self.table["event"] == meant.event]
        return ibis.and_(*named, *(holds(self.text(item.property, item.on), item) for item in meant.where))

    def within(self) -> ir.BooleanValue:
        return self.table["within"]

    def text(self, name: str, on: str) -> ir.StringValue:
        """A property of the event, or of its person, as text; null where it is not set."""
        return self.table[_column(self.facts, name)] if on == "person" else property_text(self.table, name)


def from_events(events: ir.Table, window: Window, facts: Facts, *, history: bool) -> Source:
    """Every event up to the window's end; without `history` none before its beginning.

    `day` is the UTC date by which the lake's files are sorted; local days differ from it by at most one.
    """
    rows = events.filter(events["day"] <= window.last_day + DAY)
    if not history:
        rows = rows.filter(rows["day"] >= window.first_day - DAY)
    rows = _with_facts(rows, facts)
    moment = rows["timestamp"]
    counted = {"period": window.of_timestamp(moment), "within": window.holds(moment)}
    return Source(rows.mutate(**counted, times=ibis.literal(1, "int64")), window, facts)


def from_activity(activity: ir.Table, window: Window, facts: Facts, *, history: bool) -> Source:
    """As from_events, of local days: neither for hours nor for filters on events."""
    rows = activity.filter(activity["day"] <= window.last_day)
    if not history:
        rows = rows.filter(rows["day"] >= window.first_day)
    rows = _with_facts(rows, facts)
    counted = {"period": window.of_date(rows["day"]), "within": rows["day"] >= window.first_day}
    return Source(rows.mutate(**counted, times=rows["count"]), window, facts)


def _column(facts: Facts, name: str) -> str:
    return f"fact_{list(facts).index(name)}"


def _with_facts(rows: ir.Table, facts: Facts) -> ir.Table:
    """What is known about each row's person, as columns: engines differ in where they allow sub-queries."""
    for name, values in facts.items():
        known = values.select(known_id=values["person_id"], **{_column(facts, name): values["value"]})
        rows = rows.left_join(known, rows["person_id"] == known["known_id"]).drop("known_id")
    return rows
