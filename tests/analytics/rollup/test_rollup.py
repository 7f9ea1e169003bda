"""Rollup: the served numbers are a pure function of the facts."""

import datetime as dt
from pathlib import Path
from typing import Any

from django.db import connection

from analytics import engine
from analytics.lake import load, table
from analytics.lake.columns import ACTIVITY, FACTS
from analytics.models import DataVersion, PeriodCount, ReturnCell
from analytics.rollup.refresh import rollup
from tests.clock import day
from tests.people import Team, assemble
from tests.stored import Happened, merge, person, store


def counts(team: Team, interval: str = "day", event: str = "") -> dict[str, tuple[int, int]]:
    rows = PeriodCount.objects.filter(project_id=team.id, interval=interval, event=event).order_by("start")
    return {f"{row.start}": (row.events, row.people) for row in rows}


def cells(team: Team, period: str) -> dict[tuple[str, int], int]:
    rows = ReturnCell.objects.filter(project_id=team.id, period=period)
    return {(f"{row.cohort}", row.offset): row.people for row in rows}


def activity(team: Team) -> list[dict[str, Any]]:
    with engine.snapshot(team.id) as tables:
        rows = tables.run(tables.activity.order_by("day", "person_id", "event"))
    return list(rows.to_pylist())


def facts(team: Team) -> list[dict[str, Any]]:
    with engine.snapshot(team.id) as tables:
        rows = tables.run(tables.facts.order_by("day", "person_id", "property", "at", "sequence", "once"))
    return list(rows.to_pylist())


def rolled(team: Team, *events: Happened) -> None:
    store(team.new.project, events)
    while load.load().rows:
        pass
    rollup()


def cast(team: Team) -> tuple[int, int]:
    return person(team.new.project, "Ana", day(0)), person(team.new.project, "Bo", day(0))


def test_it_works(team: Team) -> None:
    ana, bo = cast(team)
    rolled(
        team,
        *(Happened(ana, "wrote", day(n)) for n in (0, 0, 1, 7)),
        *(Happened(bo, "read", day(n)) for n in (1, 14)),
    )
    assert counts(team) == {
        "2020-06-10": (2, 1), "2020-06-11": (2, 2), "2020-06-17": (1, 1), "2020-06-24": (1, 1),
    }  # fmt: skip
    assert counts(team, "week") == {"2020-06-08": (4, 2), "2020-06-15": (1, 1), "2020-06-22": (1, 1)}
    assert counts(team, "month", "wrote") == {"2020-06-01": (4, 1)}
    assert cells(team, "week") == {("2020-06-08", 0): 2, ("2020-06-08", 1): 1, ("2020-06-08", 2): 1}
    assert cells(team, "day")["2020-06-11", 13] == 1
    assert activity(team)[0] | {"first_at": None, "last_at": None} == {
        "project_id": team.id, "day": day(0).date(), "person_id": ana, "event": "wrote", "count": 2,
        "first_at": None, "last_at": None,
    }  # fmt: skip


def test_a_second_run_changes_nothing(team: Team) -> None:
    ana, _ = cast(team)
    rolled(team, Happened(ana, "wrote", day(0)))
    before = rollup()
    again = rollup()
    assert (again.data_version, again.days, again.changed) == (before.data_version, 0, False)


def test_days_follow_the_projects_time_zone() -> None:
    team = assemble("Pacific/Auckland")
    ana, _ = cast(team)
    rolled(team, Happened(ana, "wrote", dt.datetime(2020, 6, 10, 13, tzinfo=dt.UTC)))
    assert counts(team) == {"2020-06-11": (1, 1)}
    team.new.project.timezone = "America/Anchorage"
    team.new.project.save()
    rollup()
    assert counts(team) == {"2020-06-10": (1, 1)}
    team.new.project.week_start = 6
    team.new.project.save()
    rollup()
    assert list(counts(team, "week")) == ["2020-06-07"]


def test_a_merge_changes_the_days_on_which_the_two_were_active(team: Team) -> None:
    ana, bo = cast(team)
    rolled(team, Happened(ana, "wrote", day(0)), Happened(bo, "read", day(0)), Happened(bo, "read", day(9)))
    merge(team.new.project, bo, ana, day(9))
    assert rollup().days == 2
    assert counts(team) == {"2020-06-10": (2, 1), "2020-06-19": (1, 1)}
    assert cells(team, "week") == {("2020-06-08", 0): 1, ("2020-06-08", 1): 1}
    assert {row["person_id"] for row in activity(team)} == {ana}


def test_a_late_event_changes_first_days_and_all_that_follows(team: Team) -> None:
    ana, bo = cast(team)
    rolled(
        team, Happened(ana, "wrote", day(10)), Happened(bo, "wrote", day(10)), Happened(ana, "wrote", day(20))
    )
    rolled(team, Happened(ana, "wrote", day(0)))
    assert cells(team, "day") == {
        ("2020-06-10", 0): 1, ("2020-06-10", 10): 1, ("2020-06-10", 20): 1, ("2020-06-20", 0): 1,
    }  # fmt: skip


def test_from_scratch_gives_the_same_to_the_byte(team: Team) -> None:
    """The number of loads and the order of merges make no difference."""
    people = [person(team.new.project, name, day(0)) for name in ("Ana", "Bo", "Cy")]
    for n in range(6):
        rolled(
            team,
            *(
                Happened(
                    who,
                    f"step {(n + who) % 3}",
                    day(n * who % 45, hours=n * 3),
                    properties={"$set": {"plan": f"plan {n // 2}"}, "$set_once": {"source": n}},
                )
                for who in people
            ),
        )
    merge(team.new.project, people[0], people[1], day(50))
    rollup()
    numbers, days, told = dump(team), activity(team), facts(team)
    assert len({row["person_id"] for row in told}) == 2
    PeriodCount.objects.filter(project_id=team.id).delete()
    ReturnCell.objects.filter(project_id=team.id, offset__gt=0).update(people=99)
    for layout in (ACTIVITY, FACTS):
        table.drop(layout, f"project_id = {team.id}", {})
    rollup(everything=True)
    assert dump(team) == numbers
    assert (activity(team), facts(team)) == (days, told)
    first = stored_bytes(team)
    rollup(everything=True)
    assert stored_bytes(team) == first


def stored_bytes(team: Team) -> list[bytes]:
    found = [
        file for layout in (ACTIVITY, FACTS) for file in table.files(layout, team.id, table.version(layout))
    ]
    assert {Path(file.path).parts[-4] for file in found} == {"activity", "facts"}
    return [Path(file.path).read_bytes() for file in found]


def test_an_import_of_years_replaces_whole_months(team: Team) -> None:
    ana, bo = cast(team)
    rolled(team, Happened(ana, "wrote", day(0)), Happened(bo, "wrote", day(33)))
    rolled(team, *(Happened(ana, "wrote", day(n)) for n in range(0, 400, 3)))
    assert len(counts(team)) == 134
    assert counts(team)["2020-06-10"] == (2, 1)
    assert counts(team)["2020-07-13"] == (2, 2)
    months = [file.month for file in table.files(ACTIVITY, team.id, table.version(ACTIVITY))]
    assert months == sorted({f"{day(n):%Y-%m}" for n in range(400)})


def test_a_new_day_in_a_month_that_was_replaced_whole(team: Team) -> None:
    ana, bo = cast(team)
    rolled(team, *(Happened(ana, "wrote", day(n)) for n in range(60)))
    rolled(team, Happened(bo, "read", day(5)))
    rolled(team, Happened(bo, "read", day(5)), Happened(bo, "read", day(6)))
    assert counts(team)["2020-06-15"] == (3, 2)
    assert counts(team)["2020-06-16"] == (2, 2)
    assert len(activity(team)) == 62


def dump(team: Team) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT interval, start, event, events, people FROM analytics_rollup_count WHERE project_id = %(p)s
            UNION ALL
            SELECT period, cohort, '', "offset", people FROM analytics_rollup_return WHERE project_id = %(p)s
            ORDER BY 1, 2, 3, 4, 5
            """,
            {"p": team.id},
        )
        return list(cursor.fetchall())


def test_repeated_facts_are_kept_once_a_day(team: Team) -> None:
    ana, bo = cast(team)
    plans = ["free", "free", "pro", "pro", "free"]
    told = [{"$set": {"plan": plan}, "$set_once": {"source": "ad"}} for plan in plans]
    rolled(
        team,
        *(Happened(ana, "$identify", day(0, hours=n), properties=said) for n, said in enumerate(told)),
        Happened(ana, "$identify", day(1), properties={"$set": {"plan": "free"}}),
        Happened(bo, "wrote", day(0)),
    )
    kept = [(row["day"].day, row["property"], row["value"], row["at"].hour) for row in facts(team)]
    assert kept == [
        (10, "plan", '"free"', 5), (10, "plan", '"pro"', 7), (10, "plan", '"free"', 9), (10, "source", '"ad"', 5),
        (11, "plan", '"free"', 5),
    ]  # fmt: skip


def test_an_installation_without_facts_computes_all_of_them_once(team: Team) -> None:
    ana, _ = cast(team)
    rolled(team, Happened(ana, "$identify", day(0), properties={"$set": {"plan": "pro"}}))
    DataVersion.objects.create(**dict.fromkeys(("lake_version", "activity_version", "link_id"), 0))
    table.drop(FACTS, f"project_id = {team.id}", {})
    assert facts(team) == []
    rollup()
    assert [row["value"] for row in facts(team)] == ['"pro"']


def test_a_project_without_facts_writes_none(team: Team) -> None:
    ana, _ = cast(team)
    before = table.version(FACTS)
    rolled(team, Happened(ana, "wrote", day(0)))
    assert table.version(FACTS) == before
