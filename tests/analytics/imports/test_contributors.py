"""Fifteen years of a real project come in whole, once, and their retention is what a plain count says it is."""

import datetime as dt
import gzip
import io
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest
from django.core.management import call_command

from analytics.insights.retention.answer import RetentionAnswer
from analytics.models import Person
from analytics.query.answers import answer, parse
from analytics.query.members import people
from analytics.query.overview import overview
from tests.people import Team, assemble

HISTORY = Path(__file__).parents[2] / "data" / "contributors.ndjson.gz"
Month = tuple[int, int]


@pytest.fixture(scope="module")
def contributors(_module_database: None) -> Team:
    team = assemble()
    output = io.StringIO()
    began = time.process_time()
    call_command("import", "segment", str(HISTORY), project=team.slug, stdout=output)
    assert "18,771 lines: 18,771 stored, 0 duplicates, 0 rejected" in output.getvalue()
    assert time.process_time() - began < 60
    return team


def activity() -> dict[str, set[Month]]:
    """Who was active in which months, straight from the file."""
    months = defaultdict[str, set[Month]](set)
    with gzip.open(HISTORY) as lines:
        for line in lines:
            call = msgspec.json.decode(line)
            at = dt.datetime.fromisoformat(call["timestamp"])
            months[call["userId"]].add((at.year, at.month))
    return months


def months_between(first: Month, last: Month) -> list[Month]:
    numbers = range(first[0] * 12 + first[1] - 1, last[0] * 12 + last[1])
    return [(number // 12, number % 12 + 1) for number in numbers]


def naive_triangle(months: dict[str, set[Month]]) -> dict[str, list[int]]:
    """Of those whose first month it was: how many were active in each month from then on."""
    every = months_between(min(map(min, months.values())), max(map(max, months.values())))
    triangle = {month: [0] * (len(every) - index) for index, month in enumerate(every)}
    for active in months.values():
        cohort = min(active)
        for month in active:
            triangle[cohort][every.index(month) - every.index(cohort)] += 1
    return {f"{year}-{month:02}-01": counts for (year, month), counts in triangle.items()}


def monthly(team: Team) -> RetentionAnswer:
    body = {"kind": "first_time", "period": "month", "from": "2010-12-01", "to": "2026-08-31"}
    found = answer(team.new.project, parse("retention", body))
    assert isinstance(found, RetentionAnswer)
    return found


def test_everything_and_everybody_is_there(contributors: Team) -> None:
    held = overview(contributors.new.project)
    assert (held.events, held.people) == (18_771, 2_972)
    people = Person.objects.filter(project=contributors.new.project)
    assert people.count() == 2_972
    assert sum(people.values_list("events", flat=True)) == 18_771


def test_monthly_retention_is_what_a_plain_count_says(contributors: Team) -> None:
    found = {
        cohort.start: [value.people for value in cohort.values] for cohort in monthly(contributors).cohorts
    }
    expected = naive_triangle(activity())
    assert len(expected) == 189
    assert found == expected


def test_behind_a_cell_are_those_whom_the_file_names(contributors: Team) -> None:
    every = activity()
    expected = {id for id, active in every.items() if min(active) == (2014, 10) and (2014, 11) in active}
    body = {"kind": "first_time", "period": "month", "from": "2010-12-01", "to": "2026-08-31"}
    point = {"cohort": "2014-10-01", "offset": 1}
    found = people(contributors.new.project, parse("retention", body), point, limit=1000)
    assert expected
    assert {person.name for person in found.people} == expected
    assert found.count == len(expected)


def test_a_second_time_changes_nothing(contributors: Team) -> None:
    before = monthly(contributors)
    output = io.StringIO()
    call_command("import", "segment", str(HISTORY), project=contributors.slug, stdout=output)
    assert "18,771 lines: 0 stored, 18,771 duplicates, 0 rejected" in output.getvalue()
    held = overview(contributors.new.project)
    assert (held.events, held.people) == (18_771, 2_972)
    assert monthly(contributors).cohorts == before.cohorts
