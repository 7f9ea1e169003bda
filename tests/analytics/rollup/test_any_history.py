"""Random histories, loads and merges: the rollups equal a naive count."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import engine
from analytics.lake import load, table
from analytics.lake.columns import ACTIVITY, FACTS, FIRSTS
from analytics.metrics.facts import as_of
from analytics.models import PeriodCount, ReturnCell
from analytics.rollup import maintenance
from analytics.rollup.refresh import rollup
from tests import emptying
from tests.examples import examples
from tests.people import Team, assemble
from tests.reference import value_as_of
from tests.stored import Happened, merge, person, store, undo

NAMES = ("Ana", "Bo", "Cy", "Dee")
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe")
FROM = dt.datetime(2011, 12, 20, tzinfo=dt.UTC)
KEPT_FROM = dt.datetime(2012, 2, 1, tzinfo=dt.UTC)

told = st.fixed_dictionaries(
    {}, optional={"plan": st.sampled_from(["free", "pro", 3, None]), "a/b": st.just("x")}
)
properties: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.fixed_dictionaries(
    {}, optional={"$set": told, "$set_once": told}
)
happened = st.tuples(
    st.integers(0, 4), st.sampled_from(["wrote", "read", "paid"]), st.integers(0, 110 * 86_400), properties
)
loaded = st.builds(lambda events: lambda story: story.load(events), st.lists(happened, max_size=12))
merged = st.builds(
    lambda gone, kept: lambda story: story.merge(gone, kept), st.integers(0, 3), st.integers(0, 3)
)
undone = st.builds(lambda who: lambda story: story.undo(who), st.integers(0, 3))
expired = st.just(lambda story: story.expire())
turns = st.lists(st.lists(loaded | loaded | merged | undone | expired, max_size=3), min_size=1, max_size=4)
Who = int | None
"""A person, or nobody."""

Fact = tuple[Who, str, dt.datetime, dict[str, Any]]


class Story:
    """A naive model of what was stored and who was merged."""

    def __init__(self, zone: str) -> None:
        self.team: Team = assemble(zone)
        self.zone = ZoneInfo(zone)
        self.people = [person(self.team.new.project, name, FROM) for name in NAMES]
        self.now: dict[Who, Who] = {each: each for each in (*self.people, None)}
        self.facts: list[Fact] = []

    def load(self, events: list[tuple[int, str, int, dict[str, Any]]]) -> None:
        new = [
            ((*self.people, None)[who], name, FROM + dt.timedelta(seconds=at), properties)
            for who, name, at, properties in events
        ]
        store(
            self.team.new.project, [Happened(who, name, at, properties=more) for who, name, at, more in new]
        )
        self.facts += new
        while load.load().rows:
            pass

    def merge(self, gone: int, kept: int) -> None:
        """Merge the current people of the two; nothing happens if they are the same."""
        one, other = self.now[self.people[gone]], self.now[self.people[kept]]
        if one != other and one and other:
            merge(self.team.new.project, one, other, FROM)
            self.now = {each: other if target == one else target for each, target in self.now.items()}

    def undo(self, who: int) -> None:
        """The person is separate again; people merged into them stay merged."""
        back = self.people[who]
        if self.now[back] != back:
            undo(self.team.new.project, back, FROM)
            self.now[back] = back

    def expire(self) -> None:
        """The months before February 2012 are dropped."""
        with override_settings(KEEP_MONTHS=1):
            maintenance.expire(dt.date(2012, 3, 20))
        self.facts = [fact for fact in self.facts if fact[2] >= KEPT_FROM]

    def local(self) -> list[tuple[Who, str, dt.date]]:
        return [(self.now[who], name, at.astimezone(self.zone).date()) for who, name, at, _ in self.facts]

    def known(self, who: int, name: str, day: dt.date) -> str | None:
        """The value of a fact at the end of a local day."""
        said = [
            (at, number, properties.get("$set", {}), properties.get("$set_once", {}))
            for number, (each, _, at, properties) in enumerate(self.facts)
            if self.now[each] == who and at.astimezone(self.zone).date() <= day
        ]
        value = value_as_of(said, name)
        return None if value is None else str(value)


def monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


START: dict[str, Callable[[dt.date], dt.date]] = {
    "day": lambda day: day,
    "week": monday,
    "month": lambda day: day.replace(day=1),
}


def naive_counts(story: Story) -> dict[tuple[str, dt.date, str], tuple[int, int]]:
    events: Counter[tuple[str, dt.date, str]] = Counter()
    people: dict[tuple[str, dt.date, str], set[Who]] = defaultdict(set)
    for who, name, day in story.local():
        for interval, start in START.items():
            for event in (name, ""):
                key = (interval, start(day), event)
                events[key] += 1
                people[key] |= {who} - {None}
    return {key: (number, len(people[key])) for key, number in events.items()}


def active_days(story: Story) -> list[tuple[int, dt.date]]:
    return [(who, day) for who, _, day in story.local() if who is not None]


def naive_cells(story: Story) -> dict[tuple[str, dt.date, dt.date], int]:
    """People by interval, the period of their first event, and a period in which they were active."""
    cells: dict[tuple[str, dt.date, dt.date], set[int]] = defaultdict(set)
    for interval, start in START.items():
        first: dict[int, dt.date] = {}
        for who, day in active_days(story):
            first[who] = min(first.get(who, start(day)), start(day))
        for who, day in active_days(story):
            cells[interval, first[who], start(day)].add(who)
    return {key: len(people) for key, people in cells.items()}


def served_counts(story: Story) -> dict[tuple[str, dt.date, str], tuple[int, int]]:
    rows = PeriodCount.objects.filter(project_id=story.team.id)
    return {(row.interval, row.start, row.event): (row.events, row.people) for row in rows}


def served_cells(story: Story) -> dict[tuple[str, dt.date, dt.date], int]:
    rows = ReturnCell.objects.filter(project_id=story.team.id)
    return {(row.period, row.cohort, _later(row.period, row.cohort, row.offset)): row.people for row in rows}


def _later(period: str, start: dt.date, offset: int) -> dt.date:
    if period == "month":
        number = start.year * 12 + start.month - 1 + offset
        return dt.date(number // 12, number % 12 + 1, 1)
    return start + dt.timedelta(days=offset * (7 if period == "week" else 1))


def active(story: Story) -> Counter[tuple[Who, str, dt.date]]:
    with engine.snapshot(story.team.id) as tables:
        rows = tables.run(tables.activity).to_pylist()
    return Counter({(row["person_id"], row["event"], row["day"]): row["count"] for row in rows})


def first_days(story: Story) -> dict[int, dt.date]:
    with engine.snapshot(story.team.id) as tables:
        rows = tables.run(tables.lake(FIRSTS, table.version(FIRSTS))).to_pylist()
    return {row["person_id"]: row["day"] for row in rows}


def naive_first_days(story: Story) -> dict[int, dt.date]:
    days = active_days(story)
    return {who: min(day for each, day in days if each == who) for who, _ in days}


@settings(max_examples=examples(20), suppress_health_check=list(HealthCheck))
@given(zone=st.sampled_from(ZONES), history=turns)
def test_served_numbers_equal_a_naive_count(zone: str, history: list[list[Callable[[Story], None]]]) -> None:
    # The rebuild and the expiry would go over the projects of all examples before.
    emptying.empty()
    follow(Story(zone), history)


def follow(story: Story, history: list[list[Callable[[Story], None]]]) -> None:
    for turn in history:
        for happens in turn:
            happens(story)
        rollup()
    assert active(story) == Counter(story.local())
    assert first_days(story) == naive_first_days(story)
    assert served_counts(story) == naive_counts(story)
    assert served_cells(story) == naive_cells(story)
    for day in (10, 40, 75, 111):
        assert values(story, day) == naive_values(story, day)
    before = written(story)
    rollup(everything=True)
    assert written(story) == before


def values(story: Story, day: int) -> dict[tuple[int, str], str]:
    end = dt.datetime.combine(FROM.date() + dt.timedelta(day + 1), dt.time(), story.zone)
    moment = end.astimezone(dt.UTC) - dt.timedelta(microseconds=1)
    found: dict[tuple[int, str], str] = {}
    with engine.snapshot(story.team.id) as tables:
        for name in ("plan", "a/b"):
            rows = tables.run(as_of(tables.facts, name, moment)).to_pylist()
            found |= {(row["person_id"], name): row["value"] for row in rows}
    return found


def naive_values(story: Story, day: int) -> dict[tuple[int, str], str]:
    date = FROM.date() + dt.timedelta(day)
    known = {(who, name): story.known(who, name, date) for who in story.people for name in ("plan", "a/b")}
    return {key: value for key, value in known.items() if value is not None}


def written(story: Story) -> list[dict[str, Any]]:
    """The rows of the tables that a day is computed into."""
    with engine.snapshot(story.team.id) as tables:
        return [
            row
            for rows, order in (
                (tables.activity, maintenance.ORDER[ACTIVITY.name]),
                (tables.facts, maintenance.ORDER[FACTS.name]),
            )
            for row in tables.run(rows.order_by(*order)).to_pylist()
        ]


def test_an_unmerged_person_is_not_moved_by_later_merges_of_the_other() -> None:
    follow(
        Story("UTC"),
        [
            [lambda story: story.load([(who, "wrote", 0, {"$set": {"plan": who}}) for who in (0, 1, 2)])],
            [lambda story: story.merge(2, 0)],
            [lambda story: story.undo(2)],
            [lambda story: story.merge(0, 1)],
        ],
    )
