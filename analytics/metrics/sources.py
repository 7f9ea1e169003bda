"""Sources of a metric: raw events, or their rollup per person, local day and event name.

A metric is written once against a Source. Both sources have the same columns: person_id, period (0 is the window's
first, negative is before it), within (whether the period is in the window) and times (how many events the row counts).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
from ibis.expr import types as ir

from analytics.metrics.expressions import all_of
from analytics.metrics.filters import EventFilter, matches_filter, property_text
from analytics.metrics.periods import Window

DAY = dt.timedelta(1)
Facts = Mapping[str, ir.Table]
"""For each person property in a question, a table of person_id and value as text, for those who have it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table with `person_id`, `period`, `within` and `times`."""

    table: ir.Table
    window: Window
    facts: Facts

    def matches(self, event_filter: EventFilter) -> ir.BooleanValue:
        named = [] if event_filter.event is None else [self.table["event"] == event_filter.event]
        return all_of(
            *named, *(matches_filter(self.text(item.property, item.on), item) for item in event_filter.where)
        )

    def within(self) -> ir.BooleanValue:
        column: ir.BooleanColumn = self.table["within"]
        return column

    def text(self, name: str, on: str) -> ir.StringValue:
        """A property of the event, or of its person, as text; null where it is not set."""
        return self.table[_column(self.facts, name)] if on == "person" else property_text(self.table, name)


def of_people(rows: ir.Table) -> ir.Table:
    """Without the events that are nobody's. Grouped by person, they would make one more."""
    return rows.filter(rows["person_id"].notnull())


def from_events(
    events: ir.Table, window: Window, facts: Facts, *, history: bool, everything: bool = False
) -> Source:
    """The events of people in the window; with `history` also all events before it.

    `everything` adds the events that are nobody's. They count in totals only.
    """
    rows = events if everything else of_people(events)
    # Filters by `day` (UTC), by which files are sorted, so that others are skipped. Local days differ by at most one.
    rows = rows.filter(rows["day"] <= window.last_day + DAY)
    if not history:
        rows = rows.filter(rows["day"] >= window.first_day - DAY)
    rows = _with_facts(rows, facts)
    moment = rows["timestamp"]
    counted = {"period": window.of_timestamp(moment), "within": window.contains(moment)}
    return Source(rows.mutate(**counted, times=ibis.literal(1, "int64")), window, facts)


def from_activity(
    activity: ir.Table, window: Window, facts: Facts, *, history: bool, everything: bool = False
) -> Source:
    """Like from_events, from activity. Not for hours, and not for filters on event properties."""
    rows = activity if everything else of_people(activity)
    rows = rows.filter(rows["day"] <= window.last_day)
    if not history:
        rows = rows.filter(rows["day"] >= window.first_day)
    rows = _with_facts(rows, facts)
    counted = {"period": window.of_date(rows["day"]), "within": rows["day"] >= window.first_day}
    return Source(rows.mutate(**counted, times=rows["count"]), window, facts)


def _column(facts: Facts, name: str) -> str:
    # Numbered: a property's own name could be that of an event column.
    return f"fact_{list(facts).index(name)}"


def _with_facts(rows: ir.Table, facts: Facts) -> ir.Table:
    """Adds the person properties as columns. Joins, because engines differ in where they allow subqueries."""
    for name, values in facts.items():
        known = values.select(known_id=values["person_id"], **{_column(facts, name): values["value"]})
        rows = rows.left_join(known, rows["person_id"] == known["known_id"]).drop("known_id")
    return rows
