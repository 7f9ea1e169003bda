"""Periods: the same numbers in Python and on the engine, over clock changes, odd offsets and skipped days."""

import datetime as dt
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.lake.columns import values
from analytics.metrics.periods import (
    EPOCH,
    Calendar,
    Interval,
    offsets,
    period_of_day,
    period_of_timestamp,
)
from tests.examples import examples

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Casablanca",
]
INTERVALS: list[Interval] = ["hour", "day", "week", "month"]


def seconds_of(start: dt.datetime, hours: int, step: int = 1_700) -> list[dt.datetime]:
    return [start + dt.timedelta(seconds=second) for second in range(0, hours * 3600, step)]


def numbers(
    engine: ibis.BaseBackend, times: list[dt.datetime], interval: Interval, calendar: Calendar
) -> list[int]:
    table = ibis.memtable(pa.table({"at": pa.array(times, pa.timestamp("us", "UTC"))}))
    first, last = (time.astimezone(calendar.zone).date() for time in (times[0], times[-1]))
    found = engine.to_pyarrow(
        table.select(n=period_of_timestamp(interval, table["at"], calendar, first, last))
    )
    return values(found["n"], int)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "start", [dt.datetime(2017, 2, 1, tzinfo=dt.UTC), dt.datetime(2026, 10, 20, tzinfo=dt.UTC)]
)
def test_local_days_of_an_engine_are_those_of_the_calendar(
    engine: ibis.BaseBackend, zone: str, start: dt.datetime
) -> None:
    calendar = Calendar(ZoneInfo(zone))
    times = seconds_of(start, hours=24 * 60, step=1_799)
    expected = [(time.astimezone(calendar.zone).date() - EPOCH).days for time in times]
    assert numbers(engine, times, "day", calendar) == expected


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("interval", INTERVALS)
def test_every_period_begins_where_the_one_before_ends(
    engine: ibis.BaseBackend, zone: str, interval: Interval
) -> None:
    calendar = Calendar(ZoneInfo(zone), week_start=6)
    span = calendar.span(interval, dt.date(2026, 3, 20), dt.date(2026, 4, 3))
    starts = [calendar.start(interval, number) for number in span]
    just_before = [start - dt.timedelta(microseconds=1) for start in starts]
    assert numbers(engine, starts, interval, calendar) == list(span)
    assert numbers(engine, just_before, interval, calendar) == [number - 1 for number in span]


def test_the_hour_that_autumn_repeats_is_two_hours() -> None:
    berlin = Calendar(ZoneInfo("Europe/Berlin"))
    autumn = berlin.span("hour", dt.date(2026, 10, 25), dt.date(2026, 10, 25))
    labels = [berlin.label("hour", number) for number in autumn]
    assert len(autumn) == 25
    assert labels[2:4] == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]


def test_the_hour_that_spring_skips_is_none() -> None:
    berlin = Calendar(ZoneInfo("Europe/Berlin"))
    spring = berlin.span("hour", dt.date(2026, 3, 29), dt.date(2026, 3, 29))
    assert [berlin.label("hour", number)[11:] for number in spring][:3] == [
        "00:00+01:00",
        "01:00+01:00",
        "03:00+02:00",
    ]
    assert len(spring) == 23


def test_hours_of_a_half_hour_zone_begin_on_its_own_full_hours() -> None:
    kolkata = Calendar(ZoneInfo("Asia/Kolkata"))
    number = kolkata.number("hour", dt.date(2026, 1, 5))
    assert kolkata.label("hour", number) == "2026-01-05T00:00+05:30"
    assert kolkata.start("hour", number) == dt.datetime(2026, 1, 4, 18, 30, tzinfo=dt.UTC)


def test_a_day_without_midnight_begins_when_the_clocks_jump() -> None:
    sao_paulo = Calendar(ZoneInfo("America/Sao_Paulo"))
    assert sao_paulo.midnight(dt.date(2017, 10, 15)) == dt.datetime(2017, 10, 15, 3, tzinfo=dt.UTC)


def test_a_day_that_a_zone_skipped_is_empty_and_elapsed_at_once() -> None:
    apia = Calendar(ZoneInfo("Pacific/Apia"))
    skipped = apia.number("day", dt.date(2011, 12, 30))
    assert apia.start("day", skipped) == apia.start("day", skipped + 1)
    assert apia.elapsed("day", skipped, apia.start("day", skipped))


@pytest.mark.parametrize(
    ("week_start", "first"), [(0, dt.date(2020, 6, 8)), (6, dt.date(2020, 6, 7)), (2, dt.date(2020, 6, 10))]
)
def test_weeks_begin_where_the_project_says(week_start: int, first: dt.date) -> None:
    calendar = Calendar(ZoneInfo("UTC"), week_start)
    week = calendar.number("week", dt.date(2020, 6, 10))
    assert calendar.first_day("week", week) == first
    assert calendar.number("week", first) == week
    assert calendar.number("week", first - dt.timedelta(1)) == week - 1


def test_days_of_a_stretch_are_whole_periods() -> None:
    calendar = Calendar(ZoneInfo("UTC"))
    months = calendar.span("month", dt.date(2026, 1, 15), dt.date(2026, 2, 3))
    assert calendar.days("month", months) == (dt.date(2026, 1, 1), dt.date(2026, 2, 28))
    hours = calendar.span("hour", dt.date(2026, 1, 15), dt.date(2026, 1, 16))
    assert calendar.days("hour", hours) == (dt.date(2026, 1, 15), dt.date(2026, 1, 16))


def test_a_period_has_elapsed_at_the_instant_at_which_the_next_begins() -> None:
    berlin = Calendar(ZoneInfo("Europe/Berlin"))
    day = berlin.number("day", dt.date(2026, 1, 5))
    end = dt.datetime(2026, 1, 5, 23, tzinfo=dt.UTC)
    assert berlin.elapsed("day", day, end)
    assert not berlin.elapsed("day", day, end - dt.timedelta(microseconds=1))


def test_a_zone_without_changes_has_one_offset() -> None:
    assert len(offsets(ZoneInfo("Asia/Kolkata"), dt.date(2010, 1, 1), dt.date(2026, 1, 1))) == 1


def test_fifteen_years_of_berlin_have_thirty_changes() -> None:
    found = offsets(ZoneInfo("Europe/Berlin"), dt.date(2010, 1, 1), dt.date(2024, 12, 31))
    assert len(found) == 31
    assert {offset for _, offset in found} == {3600, 7200}


@settings(max_examples=examples(30))
@given(
    st.lists(st.dates(dt.date(1969, 12, 1), dt.date(2199, 12, 31)), min_size=1, max_size=50),
    st.integers(0, 6),
)
def test_weeks_and_months_of_days_on_the_engine(
    engine: ibis.BaseBackend, days: list[dt.date], week_start: int
) -> None:
    calendar = Calendar(ZoneInfo("UTC"), week_start)
    table = ibis.memtable(pa.table({"day": pa.array(days, pa.date32())}))
    day = table["day"].epoch_days()
    found = engine.to_pyarrow(
        table.select(
            week=period_of_day("week", day, week_start), month=period_of_day("month", day, week_start)
        )
    )
    assert found["week"].to_pylist() == [calendar.number("week", day) for day in days]
    assert found["month"].to_pylist() == [calendar.number("month", day) for day in days]
    for day_ in days:
        assert calendar.first_day("month", calendar.number("month", day_)) == day_.replace(day=1)


@pytest.mark.parametrize("interval", INTERVALS)
def test_periods_are_plain_arithmetic_on_spark_too(interval: Interval) -> None:
    table = ibis.table({"at": "timestamp('UTC')"}, name="events")
    calendar = Calendar(ZoneInfo("Europe/Berlin"))
    expression = period_of_timestamp(
        interval, table["at"], calendar, dt.date(2026, 1, 1), dt.date(2026, 12, 31)
    )
    sql = str(ibis.to_sql(expression, dialect="pyspark"))
    assert "CASE" in sql
    assert "EPOCH_US" in sql
