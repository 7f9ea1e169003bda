"""Where an answer is read: the cheapest of three places that can give it exactly. Pure.

served     tables in PostgreSQL that rollup keeps: a few rows
activity   the rollup per person, local day and event name: what needs neither hours nor properties of events
events     every event
"""

from collections.abc import Iterable
from typing import Literal

from analytics.metrics.filters import Filter
from analytics.query.spec import CohortValues, EventFilter, Query, Retention, Trends

Plan = Literal["served", "activity", "events"]
ANYTHING = EventFilter()


def plan(query: Query, *, recut: bool = False) -> Plan:
    """The cheapest place; `activity` and `events` can give whatever a cheaper one can.

    recut: the project's time zone or first day of the week is not the one with which its rollups were cut, so only
    events can tell until the next rollup.
    """
    if recut:
        return "events"
    if isinstance(query, CohortValues):
        return "activity"
    return _trends(query) if isinstance(query, Trends) else _retention(query)


def _trends(query: Trends) -> Plan:
    conditions = [item for series in query.series for item in query.meant(series).where]
    divided = query.breakdown is not None and query.breakdown.on == "event"
    amounts = any(series.amount for series in query.series)
    if query.interval == "hour" or amounts or divided or _about_events(conditions):
        return "events"
    counted = all(series.measure == "total" for series in query.series)
    # Different people over a whole range are in no table of counts per period.
    return "served" if counted and query.breakdown is None and not conditions else "activity"


def _retention(query: Retention) -> Plan:
    if query.period == "hour" or _about_events(query.start.where + query.return_.where):
        return "events"
    first = query.kind != "recurring" and query.start == ANYTHING == query.return_
    return "served" if first and query.counting == "on" and query.min_occurrences == 1 else "activity"


def _about_events(conditions: Iterable[Filter]) -> bool:
    return any(item.on == "event" for item in conditions)
