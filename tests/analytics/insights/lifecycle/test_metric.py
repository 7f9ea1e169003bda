"""Lifecycle as an expression equals the naive reference on random histories, from raw events and from activity."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.insights.lifecycle import metric
from analytics.insights.lifecycle.metric import STATUSES
from analytics.lake.columns import values
from analytics.metrics import sources
from analytics.metrics.filters import EventFilter
from analytics.metrics.periods import Calendar, Window
from analytics.metrics.sources import Source
from tests import reference
from tests.analytics.metrics.histories import EVENTS, activity_table, events_table, happenings, names
from tests.analytics.metrics.spark import spark_sql
from tests.examples import examples
from tests.reference import Happened

FIRST, LAST = dt.date(2026, 3, 22), dt.date(2026, 4, 3)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]


def window(interval: Any, zone: str, week_start: int = 0) -> Window:
    calendar = Calendar(ZoneInfo(zone), week_start)
    return Window(calendar, interval, calendar.span(interval, FIRST, LAST))


def check(
    engine: ibis.BaseBackend, source: Source, event: str | None, expected: dict[str, list[set[str]]]
) -> None:
    """Figures and the people behind them."""
    periods = len(source.window) - 1
    people = metric.people(source, EventFilter(event))
    found = metric.statuses(engine.to_pyarrow(metric.tally(people)), periods)
    assert found == {status: [len(each) for each in expected[status]] for status in STATUSES}
    for status in STATUSES:
        for period in range(periods):
            if expected[status][period]:
                behind = engine.to_pyarrow(metric.members(people, period=period, status=status))
                assert names(values(behind["person_id"], int)) == expected[status][period]


@settings(max_examples=examples(25))
@given(
    happenings(),
    st.sampled_from([None, *EVENTS]),
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(ZONES),
    st.integers(0, 6),
)
def test_it_equals_the_reference_from_events_and_from_activity(
    engine: ibis.BaseBackend,
    history: list[Happened],
    event: str | None,
    interval: str,
    zone: str,
    week_start: int,
) -> None:
    cut = window(interval, zone, week_start).widened(1)
    expected = reference.lifecycle(
        history,
        first=FIRST,
        last=LAST,
        interval=interval,
        event=event,
        zone=ZoneInfo(zone),
        week_start=week_start,
    )
    check(engine, sources.from_events(events_table(history), cut, {}, history=True), event, expected)
    rolled = activity_table(history, ZoneInfo(zone))
    check(engine, sources.from_activity(rolled, cut, {}, history=True), event, expected)


@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
def test_it_compiles_for_spark(interval: str) -> None:
    cut = window(interval, "Europe/Berlin").widened(1)
    source = sources.from_events(events_table([]), cut, {}, history=True)
    assert "BIT_OR" in spark_sql(metric.tally(metric.people(source, EventFilter("write")))).upper()
