"""Retention as an expression equals the naive reference on random histories, from raw events and from activity."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.insights.retention import metric as retention
from analytics.insights.retention.metric import Rules
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
RULES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["recurring", "first_time", "first_ever"]),
        "counting": st.sampled_from(["on", "on_or_after"]),
        "start": st.sampled_from([None, *EVENTS]),
        "back": st.sampled_from([None, *EVENTS]),
        "min_occurrences": st.integers(1, 3),
    }
)
PRO = (Filter("plan", "is", "pro"),)


def is_pro(happened: Happened) -> bool:
    return happened.properties.get("plan") == "pro"


def window(period: Any, zone: str = "UTC", week_start: int = 0, last: dt.date = LAST) -> Window:
    calendar = Calendar(ZoneInfo(zone), week_start)
    return Window(calendar, period, calendar.span(period, FIRST, last))


def rules(asked: dict[str, Any], **where: tuple[Filter, ...]) -> Rules:
    return Rules(
        EventFilter(asked["start"], where.get("start", ())),
        EventFilter(asked["back"], where.get("back", ())),
        asked["kind"],
        asked["counting"],
        asked["min_occurrences"],
    )


def triangle(engine: ibis.BaseBackend, source: sources.Source, asked: Rules) -> list[list[int]]:
    tally = engine.to_pyarrow(retention.tally(retention.people(source, asked)))
    return retention.triangle(tally, len(source.window), asked.counting)


@settings(max_examples=examples(30))
@given(
    happenings(), RULES, st.sampled_from(["day", "week", "month"]), st.sampled_from(ZONES), st.integers(0, 6)
)
def test_days_weeks_and_months_equal_the_reference_from_events_and_from_activity(
    engine: ibis.BaseBackend,
    history: list[Happened],
    asked: dict[str, Any],
    period: str,
    zone: str,
    week_start: int,
) -> None:
    cut = window(period, zone, week_start)
    expected = reference.retention(
        history, first=FIRST, last=LAST, period=period, zone=ZoneInfo(zone), week_start=week_start, **asked
    )
    meant = rules(asked)
    raw = sources.from_events(events_table(history), cut, {}, history=meant.history)
    rolled = sources.from_activity(activity_table(history, cut.calendar.zone), cut, {}, history=meant.history)
    assert triangle(engine, raw, meant) == expected
    assert triangle(engine, rolled, meant) == expected


@settings(max_examples=examples(30))
@given(happenings(), RULES, st.booleans(), st.booleans(), st.sampled_from(ZONES))
def test_conditions_on_events_equal_the_reference(
    engine: ibis.BaseBackend,
    history: list[Happened],
    asked: dict[str, Any],
    on_start: bool,
    on_back: bool,
    zone: str,
) -> None:
    cut = window("day", zone)
    meant = rules(asked, start=PRO if on_start else (), back=PRO if on_back else ())
    found = triangle(
        engine, sources.from_events(events_table(history), cut, {}, history=meant.history), meant
    )
    assert found == reference.retention(
        history,
        first=FIRST,
        last=LAST,
        zone=ZoneInfo(zone),
        start_where=is_pro if on_start else lambda _: True,
        back_where=is_pro if on_back else lambda _: True,
        **asked,
    )


@settings(max_examples=examples(15))
@given(happenings(), RULES, st.sampled_from(ZONES))
def test_hours_of_thirteen_days_take_several_words_and_equal_the_reference(
    engine: ibis.BaseBackend, history: list[Happened], asked: dict[str, Any], zone: str
) -> None:
    cut = window("hour", zone, last=dt.date(2026, 3, 30))
    assert len(cut) > 3 * 62
    meant = rules(asked)
    found = triangle(
        engine, sources.from_events(events_table(history), cut, {}, history=meant.history), meant
    )
    assert found == reference.retention(
        history, first=FIRST, last=dt.date(2026, 3, 30), period="hour", zone=ZoneInfo(zone), **asked
    )


@settings(max_examples=examples(25))
@given(happenings(), RULES, st.integers(0, 12), st.integers(0, 12))
def test_the_people_of_a_cell_are_as_many_as_it_says(
    engine: ibis.BaseBackend, history: list[Happened], asked: dict[str, Any], cohort: int, offset: int
) -> None:
    cut, meant = window("day"), rules(asked)
    source = sources.from_activity(activity_table(history, cut.calendar.zone), cut, {}, history=meant.history)
    cells = triangle(engine, source, meant)
    offset = min(offset, len(cells[cohort]) - 1)
    people = retention.people(source, meant)
    found = retention.members(people, len(cut), meant.counting, cohort=cohort, offset=offset)
    ids = engine.to_pyarrow(found).column("person_id").to_pylist()
    assert len(ids) == len(set(ids)) == cells[cohort][offset]


def test_the_people_of_a_cell_are_those_who_came_back(engine: ibis.BaseBackend) -> None:
    """Ana comes on day 0 and 2, Bo on 0 only, Cy on 2 only."""
    at = [BEGIN + dt.timedelta(2, hours=9), BEGIN + dt.timedelta(4, hours=9)]
    history = [
        Happened("Ana", "write", at[0]),
        Happened("Ana", "write", at[1]),
        Happened("Bo", "write", at[0]),
        Happened("Cy", "write", at[1]),
    ]
    cut = window("day")
    people = retention.people(
        sources.from_events(events_table(history), cut, {}, history=False), Rules(kind="recurring")
    )

    def behind(cohort: int, offset: int) -> set[str]:
        cell = retention.members(people, len(cut), "on", cohort=cohort, offset=offset)
        return names(values(engine.to_pyarrow(cell).column("person_id"), int))

    assert behind(0, 0) == {"Ana", "Bo"}
    assert behind(0, 2) == {"Ana"}
    assert behind(2, 0) == {"Ana", "Cy"}
    assert behind(0, 1) == set()


def test_a_first_ever_start_must_be_the_very_first_event_of_its_name(engine: ibis.BaseBackend) -> None:
    """Ana's first sign-up was free, her second pro: her first pro one is no first-ever one. Bo started as pro."""
    day = [BEGIN + dt.timedelta(number, hours=9) for number in (2, 3)]
    history = [
        Happened("Ana", "sign up", day[0], {"plan": "free"}),
        Happened("Ana", "sign up", day[1], {"plan": "pro"}),
        Happened("Bo", "write", day[0], {"plan": "free"}),
        Happened("Bo", "sign up", day[1], {"plan": "pro"}),
    ]
    source = sources.from_events(events_table(history), window("day"), {}, history=True)
    start = EventFilter("sign up", PRO)
    assert triangle(engine, source, Rules(start, kind="first_time"))[1][0] == 2
    assert triangle(engine, source, Rules(start, kind="first_ever"))[1][0] == 1


@pytest.mark.parametrize("period", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("kind", ["recurring", "first_time", "first_ever"])
@pytest.mark.parametrize("place", ["events", "activity"])
def test_every_form_of_the_question_compiles_for_spark(period: str, kind: Any, place: str) -> None:
    if place == "activity" and period == "hour":
        period = "day"
    cut = window(period, "Europe/Berlin")
    where = PRO if place == "events" else ()
    facts = {"plan": ibis.table({"person_id": "int64", "value": "string"}, name="facts")}
    person = (Filter("plan", "is_not", "free", on="person"),)
    meant = Rules(EventFilter("sign up", where + person), EventFilter(None, where), kind, "on_or_after", 2)
    make, table = {
        "events": (sources.from_events, events_table([])),
        "activity": (sources.from_activity, activity_table([], cut.calendar.zone)),
    }[place]
    unbound = ibis.table(table.schema(), name=place)
    people = retention.people(make(unbound, cut, facts, history=meant.history), meant)
    for expression in (
        retention.tally(people),
        retention.members(people, len(cut), meant.counting, cohort=0, offset=1),
    ):
        assert "BIT_OR" in spark_sql(expression).upper()
