"""Trends equal the naive reference on random histories; breakdowns, amounts and measures on small stories."""

import datetime as dt
from collections import defaultdict
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.insights.trends import metric as trends
from analytics.insights.trends.metric import NONE, OTHER, Counted, measure
from analytics.lake.columns import values
from analytics.metrics import sources
from analytics.metrics.filters import EventFilter, Filter
from analytics.metrics.periods import Calendar, Window
from tests import reference
from tests.analytics.metrics.histories import BEGIN, EVENTS, activity_table, events_table, happenings, names
from tests.analytics.metrics.spark import spark_sql
from tests.examples import examples
from tests.reference import Happened

FIRST, LAST = dt.date(2026, 3, 22), dt.date(2026, 4, 3)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]
PRO = (Filter("plan", "is", "pro"),)


def window(interval: Any, zone: str = "UTC", week_start: int = 0, last: dt.date = LAST) -> Window:
    calendar = Calendar(ZoneInfo(zone), week_start)
    return Window(calendar, interval, calendar.span(interval, FIRST, last))


def counted(engine: ibis.BaseBackend, rows: Any, periods: int) -> tuple[list[int], list[int], int]:
    """Events per period, people per period, different people."""
    amounts = engine.to_pyarrow(trends.amounts(rows)).to_pylist()
    totals = [0] * periods
    for bar in amounts:
        totals[bar["period"]] += bar["times"]
    people, everyone = people_of(engine, rows, periods)
    return totals, people, everyone


def people_of(engine: ibis.BaseBackend, rows: Any, periods: int) -> tuple[list[int], int]:
    """People per period and different people."""
    tally = engine.to_pyarrow(trends.tally(trends.people(rows, periods), periods))
    return trends.per_period(tally, periods)


def bars(engine: ibis.BaseBackend, cells: Any) -> dict[tuple[str, int | None], tuple[int, int]]:
    """Events and people by value and period; the whole window has none."""
    found = engine.to_pyarrow(trends.bars(cells)).to_pylist()
    return {(bar["part"], bar["period"]): (bar["times"], bar["people"]) for bar in found}


def behind(engine: ibis.BaseBackend, rows: Any, part: str | None, period: int | None = None) -> list[int]:
    """The ids of those behind a bar."""
    found = engine.to_pyarrow(trends.members(rows, part=part, period=period))
    return values(found.column("person_id"), int)


@settings(max_examples=examples(30))
@given(
    happenings(),
    st.sampled_from([None, *EVENTS]),
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(ZONES),
    st.integers(0, 6),
)
def test_counts_equal_the_reference_from_events_and_from_activity(
    engine: ibis.BaseBackend,
    history: list[Happened],
    event: str | None,
    interval: str,
    zone: str,
    week_start: int,
) -> None:
    cut = window(interval, zone, week_start)
    expected = reference.trend(
        history,
        first=FIRST,
        last=LAST,
        interval=interval,
        event=event,
        zone=ZoneInfo(zone),
        week_start=week_start,
    )
    raw = sources.from_events(events_table(history), cut, {}, history=False, everything=True)
    rolled = sources.from_activity(
        activity_table(history, cut.calendar.zone), cut, {}, history=False, everything=True
    )
    for source in (raw, rolled):
        assert counted(engine, trends.rows(source, EventFilter(event)), len(cut)) == expected


@settings(max_examples=examples(25))
@given(happenings(), st.sampled_from(ZONES))
def test_hours_and_conditions_equal_the_reference(
    engine: ibis.BaseBackend, history: list[Happened], zone: str
) -> None:
    last = dt.date(2026, 3, 30)
    cut = window("hour", zone, last=last)
    source = sources.from_events(events_table(history), cut, {}, history=False, everything=True)
    rows = trends.rows(source, EventFilter(None, PRO))
    found = counted(engine, rows, len(cut))
    assert found == reference.trend(
        history,
        first=FIRST,
        last=last,
        interval="hour",
        where=lambda happened: happened.properties.get("plan") == "pro",
        zone=ZoneInfo(zone),
    )
    from_cells = engine.to_pyarrow(trends.bars(trends.cells(rows))).to_pylist()
    cells = {bar["period"]: (bar["times"] or 0, bar["people"]) for bar in from_cells}
    assert cells.pop(None) == (sum(found[0]), found[2])
    assert [cells.get(period, (0, 0)) for period in range(len(cut))] == list(zip(*found[:2], strict=True))


@settings(max_examples=examples(25))
@given(happenings(), st.integers(0, 12))
def test_the_people_of_a_bar_are_as_many_as_it_says(
    engine: ibis.BaseBackend, history: list[Happened], period: int
) -> None:
    cut = window("day")
    rows = trends.rows(
        sources.from_events(events_table(history), cut, {}, history=False, everything=True),
        EventFilter("write"),
    )
    _, people, everyone = counted(engine, rows, len(cut))
    bar, whole = behind(engine, rows, None, period), behind(engine, rows, None)
    assert len(set(bar)) == len(bar) == people[period]
    assert len(set(whole)) == len(whole) == everyone


@pytest.fixture
def sales() -> list[Happened]:
    """Ana buys twice from the shop, Bo from the market, Cy from the attic, Dee from nowhere; one price is no number."""
    at = BEGIN + dt.timedelta(3)
    return [
        Happened("Ana", "buy", at, {"path": "/shop", "price": 10}),
        Happened("Ana", "buy", at, {"path": "/shop", "price": "2.5"}),
        Happened("Bo", "buy", at, {"path": "/market", "price": 4}),
        Happened("Cy", "buy", at, {"path": "/attic", "price": "much"}),
        Happened("Ana", "buy", at, {"path": "/attic"}),
        Happened("Dee", "buy", at, {"price": None}),
    ]


def source_of(history: list[Happened]) -> sources.Source:
    return sources.from_events(events_table(history), window("day"), {}, history=False, everything=True)


def test_a_breakdown_keeps_the_top_values_and_says_what_is_left(
    engine: ibis.BaseBackend, sales: list[Happened]
) -> None:
    source = source_of(sales)
    rows = trends.rows(source, EventFilter("buy"), part=source.text("path", "event"))
    two = {part: found for (part, period), found in bars(engine, trends.divided(rows, 2)).items() if period}
    assert two == {"/attic": (2, 2), "/shop": (2, 1), OTHER: (1, 1), NONE: (1, 1)}
    one = bars(engine, trends.divided(rows, 1))
    assert one["/attic", None] == (2, 2), "as many events as the shop: by name"
    assert one[OTHER, None] == (3, 2)


def test_people_of_one_value_of_a_breakdown(engine: ibis.BaseBackend, sales: list[Happened]) -> None:
    source = source_of(sales)
    rows = trends.rows(source, EventFilter("buy"), part=source.text("path", "event"))
    cells = trends.divided(rows, 2)
    found = {part: names(behind(engine, cells, part)) for part in ("/attic", OTHER, NONE)}
    assert found == {"/attic": {"Ana", "Cy"}, OTHER: {"Bo"}, NONE: {"Dee"}}


def test_people_of_other_are_counted_once_however_many_values_it_has(engine: ibis.BaseBackend) -> None:
    at = BEGIN + dt.timedelta(3)
    history = [Happened("Ana", "open", at, {"path": f"/{number}"}) for number in range(5)]
    source = source_of(history)
    rows = trends.rows(source, EventFilter("open"), part=source.text("path", "event"))
    assert set(bars(engine, trends.divided(rows, 1)).values()) == {(1, 1), (4, 1)}


def test_values_written_like_ours_are_among_the_others(engine: ibis.BaseBackend) -> None:
    """Ana and Bo chose words that mean something here; nobody may mistake them for it."""
    at = BEGIN + dt.timedelta(3)
    chosen: dict[str, list[str | None]] = {
        "Ana": [OTHER, OTHER, NONE],
        "Bo": [NONE, ""],
        "Cy": ["blue", None],
    }
    history = [Happened(who, "choose", at, {"path": path}) for who, paths in chosen.items() for path in paths]
    source = source_of(history)
    cells = trends.divided(trends.rows(source, EventFilter("choose"), part=source.text("path", "event")), 2)
    assert {part: found for (part, period), found in bars(engine, cells).items() if period is None} == {
        "": (1, 1),
        "blue": (1, 1),
        OTHER: (4, 2),
        NONE: (1, 1),
    }
    assert names(behind(engine, cells, OTHER)) == {"Ana", "Bo"}


def by_value(history: list[Happened], divide: str, limit: int) -> dict[str, list[Happened]]:
    """The events of each of the `limit` values with the most of them, of all others, and of none."""
    values: dict[str | None, list[Happened]] = defaultdict(list)
    for one in history:
        value = one.event if divide == "event" else one.properties.get(divide)
        values[None if value is None else str(value).replace("True", "true")].append(one)
    none = values.pop(None, [])
    order = sorted((value for value in values if value is not None), key=lambda v: (-len(values[v]), v))
    parts = {value: values[value] for value in order[:limit]}
    rest = [one for value in order[limit:] for one in values[value]]
    return parts | ({OTHER: rest} if rest else {}) | ({NONE: none} if none else {})


@settings(max_examples=examples(25))
@given(
    happenings(),
    st.integers(1, 4),
    st.sampled_from(["hour", "day", "week"]),
    st.sampled_from(ZONES),
    st.sampled_from(["plan", "event"]),
)
def test_bars_of_a_breakdown_equal_the_reference_and_their_people(
    engine: ibis.BaseBackend, history: list[Happened], limit: int, interval: str, zone: str, divide: str
) -> None:
    last = dt.date(2026, 3, 30)
    cut = window(interval, zone, last=last)
    source = sources.from_events(events_table(history), cut, {}, history=False, everything=True)
    rows = trends.rows(source, EventFilter(None), part=source.text(divide, "event"))
    cells = trends.divided(rows, limit)
    found = bars(engine, cells)
    columns = set(reference.periods(interval, FIRST, last, ZoneInfo(zone)))
    within = [one for one in history if reference.period_of(one, interval, ZoneInfo(zone), 0) in columns]
    parts = by_value(within, divide, limit)
    assert {part for part, _ in found} == set(parts)
    for part, meant in parts.items():
        times, people, everyone = reference.trend(
            meant, first=FIRST, last=last, interval=interval, zone=ZoneInfo(zone)
        )
        each = enumerate(zip(times, people, strict=True))
        expected = {number: both for number, both in each if both != (0, 0)}
        of_part = {period: both for (of, period), both in found.items() if of == part}
        assert of_part.pop(None) == (sum(times), everyone)
        assert of_part == expected
        assert len(set(behind(engine, cells, part))) == everyone
        for period, (_, of_bar) in list(of_part.items())[:3]:
            ids = behind(engine, cells, part, period)
            assert len(ids) == len(set(ids)) == of_bar


def test_amounts_add_what_is_a_number(engine: ibis.BaseBackend, sales: list[Happened]) -> None:
    rows = trends.rows(source_of(sales), EventFilter("buy"), amount="price")
    [bar] = engine.to_pyarrow(trends.amounts(rows)).to_pylist()
    assert (bar["amount"], bar["numbers"], bar["times"]) == (16.5, 3, 6)


def test_amounts_of_a_breakdown_add_what_is_a_number(engine: ibis.BaseBackend, sales: list[Happened]) -> None:
    source = source_of(sales)
    rows = trends.rows(source, EventFilter("buy"), amount="price", part=source.text("path", "event"))
    found = engine.to_pyarrow(trends.bars(trends.divided(rows, 1))).to_pylist()
    sums = {bar["part"]: (bar["amount"], bar["numbers"]) for bar in found if bar["period"] is None}
    assert sums == {"/attic": (None, 0), OTHER: (16.5, 3), NONE: (None, 0)}


def test_a_fact_about_people_divides_their_events(engine: ibis.BaseBackend, sales: list[Happened]) -> None:
    facts = {"plan": ibis.memtable(pa.table({"person_id": [1, 2], "value": ["pro", "free"]}))}
    cut = window("day")
    source = sources.from_activity(
        activity_table(sales, cut.calendar.zone), cut, facts, history=False, everything=True
    )
    rows = trends.rows(source, EventFilter("buy"), part=source.text("plan", "person"))
    found = bars(engine, trends.divided(rows, 3))
    assert {part: times for (part, period), (times, _) in found.items() if period} == {
        "pro": 3,
        "free": 1,
        NONE: 2,
    }


def test_measures_of_one_bar() -> None:
    bar = Counted(times=6, people=3, amount=16.5, numbers=3)
    asked = ["total", "people", "per_person", "sum:price", "avg:price"]
    assert [measure(name, bar) for name in asked] == [6, 3, 2.0, 16.5, 5.5]


def test_measures_of_nothing_are_nothing_where_they_would_divide_by_it() -> None:
    assert [measure(name, Counted()) for name in ("total", "people", "sum:x")] == [0, 0, 0]
    assert [measure(name, Counted()) for name in ("per_person", "avg:x")] == [None, None]


@pytest.mark.parametrize("interval", ["hour", "day", "week", "month"])
def test_every_form_of_the_question_compiles_for_spark(interval: str) -> None:
    facts = {"plan": ibis.table({"person_id": "int64", "value": "string"}, name="facts")}
    events = ibis.table(events_table([]).schema(), name="events")
    source = sources.from_events(
        events, window(interval, "Europe/Berlin"), facts, history=False, everything=True
    )
    meant = EventFilter("buy", (*PRO, Filter("plan", "in", ("a", 3), on="person")))
    rows = trends.rows(source, meant, amount="price", part=source.text("path", "event"))
    cells = trends.divided(rows, 3)
    for expression in (
        trends.bars(cells),
        trends.bars(trends.cells(rows)),
        trends.amounts(rows),
        trends.tally(trends.people(rows, len(source.window)), len(source.window)),
        trends.members(cells, part="/shop", period=1),
    ):
        assert "SELECT" in spark_sql(expression)
