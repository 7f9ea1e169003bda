"""Trends equal the naive reference on random histories; breakdowns, amounts and measures on small stories."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.metrics import sources, trends
from analytics.metrics.filters import EventFilter, Filter
from analytics.metrics.periods import Calendar, Window
from analytics.metrics.trends import NONE, OTHER, WHOLE, Counted, measure
from tests import reference
from tests.analytics.metrics.histories import BEGIN, EVENTS, activity_table, events_table, happenings, names
from tests.analytics.metrics.spark import spark_sql
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


def people_of(engine: ibis.BaseBackend, rows: Any, periods: int, part: str = WHOLE) -> tuple[list[int], int]:
    """People per period and different people, of one part."""
    tally = engine.to_pyarrow(trends.tally(trends.people(rows, periods), periods))
    return trends.per_period(tally, part, periods)


@settings(deadline=None, max_examples=50)
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
    raw = sources.from_events(events_table(history), cut, {}, history=False)
    rolled = sources.from_activity(activity_table(history, cut.calendar.zone), cut, {}, history=False)
    for source in (raw, rolled):
        assert counted(engine, trends.rows(source, EventFilter(event)), len(cut)) == expected


@settings(deadline=None, max_examples=25)
@given(happenings(), st.sampled_from(ZONES))
def test_hours_and_conditions_equal_the_reference(
    engine: ibis.BaseBackend, history: list[Happened], zone: str
) -> None:
    last = dt.date(2026, 3, 30)
    cut = window("hour", zone, last=last)
    source = sources.from_events(events_table(history), cut, {}, history=False)
    found = counted(engine, trends.rows(source, EventFilter(None, PRO)), len(cut))
    assert found == reference.trend(
        history,
        first=FIRST,
        last=last,
        interval="hour",
        where=lambda happened: happened.properties.get("plan") == "pro",
        zone=ZoneInfo(zone),
    )


@settings(deadline=None, max_examples=25)
@given(happenings(), st.integers(0, 12))
def test_the_people_of_a_bar_are_as_many_as_it_says(
    engine: ibis.BaseBackend, history: list[Happened], period: int
) -> None:
    cut = window("day")
    rows = trends.rows(
        sources.from_events(events_table(history), cut, {}, history=False), EventFilter("write")
    )
    _, people, everyone = counted(engine, rows, len(cut))
    of_person = trends.people(rows, len(cut))
    bar = (
        engine.to_pyarrow(trends.members(of_person, part=WHOLE, period=period))
        .column("person_id")
        .to_pylist()
    )
    whole = (
        engine.to_pyarrow(trends.members(of_person, part=WHOLE, period=None)).column("person_id").to_pylist()
    )
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
    return sources.from_events(events_table(history), window("day"), {}, history=False)


def test_a_breakdown_keeps_the_top_values_and_says_what_is_left(
    engine: ibis.BaseBackend, sales: list[Happened]
) -> None:
    source = source_of(sales)
    rows = trends.rows(source, EventFilter("buy"), part=source.text("path", "event"))
    top = engine.to_pyarrow(trends.top(rows, 2)).column("part").to_pylist()
    assert top == ["/attic", "/shop"], "as many events: by name"
    bars = engine.to_pyarrow(trends.amounts(trends.kept(rows, top))).to_pylist()
    assert {bar["part"]: bar["times"] for bar in bars} == {"/attic": 2, "/shop": 2, OTHER: 1, NONE: 1}


def test_people_of_one_value_of_a_breakdown(engine: ibis.BaseBackend, sales: list[Happened]) -> None:
    source = source_of(sales)
    rows = trends.rows(source, EventFilter("buy"), part=source.text("path", "event"))
    people = trends.people(trends.kept(rows, ["/attic", "/shop"]), 13)

    def behind(part: str) -> set[str]:
        found = trends.members(people, part=part, period=None)
        return names(engine.to_pyarrow(found).column("person_id").to_pylist())

    assert behind("/attic") == {"Ana", "Cy"}
    assert behind(OTHER) == {"Bo"}
    assert behind(NONE) == {"Dee"}


def test_people_of_other_are_counted_once_however_many_values_it_has(engine: ibis.BaseBackend) -> None:
    at = BEGIN + dt.timedelta(3)
    history = [Happened("Ana", "open", at, {"path": f"/{number}"}) for number in range(5)]
    source = source_of(history)
    rows = trends.kept(trends.rows(source, EventFilter("open"), part=source.text("path", "event")), ["/0"])
    assert people_of(engine, rows, 13, OTHER)[1] == 1


def test_amounts_add_what_is_a_number(engine: ibis.BaseBackend, sales: list[Happened]) -> None:
    rows = trends.rows(source_of(sales), EventFilter("buy"), amount="price")
    [bar] = engine.to_pyarrow(trends.amounts(rows)).to_pylist()
    assert (bar["amount"], bar["numbers"], bar["times"]) == (16.5, 3, 6)


def test_a_fact_about_people_divides_their_events(engine: ibis.BaseBackend, sales: list[Happened]) -> None:
    facts = {"plan": ibis.memtable(pa.table({"person_id": [1, 2], "value": ["pro", "free"]}))}
    cut = window("day")
    source = sources.from_activity(activity_table(sales, cut.calendar.zone), cut, facts, history=False)
    rows = trends.rows(source, EventFilter("buy"), part=source.text("plan", "person"))
    bars = engine.to_pyarrow(trends.amounts(rows)).to_pylist()
    assert {bar["part"]: bar["times"] for bar in bars} == {"pro": 3, "free": 1, NONE: 2}


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
    source = sources.from_events(events, window(interval, "Europe/Berlin"), facts, history=False)
    meant = EventFilter("buy", (*PRO, Filter("plan", "in", ("a", 3), on="person")))
    rows = trends.kept(
        trends.rows(source, meant, amount="price", part=source.text("path", "event")), ["/shop"]
    )
    people = trends.people(rows, len(source.window))
    for expression in (
        trends.top(rows, 3),
        trends.amounts(rows),
        trends.tally(people, len(source.window)),
        trends.members(people, part="/shop", period=1),
    ):
        assert "SELECT" in spark_sql(expression)
