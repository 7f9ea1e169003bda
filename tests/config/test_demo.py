"""manage.py demo: a history through the real ingest, with exactly the requested number of people."""

import io
import re
import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from analytics.query.overview import overview
from analytics.query.persons import list_people
from feedback.comment_access import comments_of
from feedback.comments import set_status
from feedback.models import Comment
from projects.models import Key, Project
from tests.people import Team, assemble


def told(**options: Any) -> str:
    said = io.StringIO()
    call_command("demo", stdout=said, **options)
    return said.getvalue()


@pytest.fixture(scope="module")
def shop(_module_database: None) -> tuple[Team, str, float]:
    """The team, what the command said, and the seconds it took: in CPU time, so that a busy machine decides nothing."""
    team, began = assemble(), time.process_time()
    said = told(project=team.slug)
    return team, said, time.process_time() - began


def test_it_works(shop: tuple[Team, str, float]) -> None:
    team, said, _ = shop
    assert re.search(r"100 people and 60 days in Product \d+: [\d,]{5} calls and \d+ comments", said)
    assert f"/projects/{team.slug}/inbox/" in said
    held = overview(team.new.project)
    assert held.people == 100
    assert held.events > 3_000
    assert held.sessions > 300
    comments = comments_of(team.new.project)
    assert comments.count() > 30
    assert set(comments.values_list("status", flat=True)) == set(Comment.Status.values)


def test_it_is_fast(shop: tuple[Team, str, float]) -> None:
    assert shop[2] < 20


def test_the_same_seed_adds_nothing(team: Team) -> None:
    told(project=team.slug, people=20, days=20)
    before = overview(team.new.project)
    [chosen, *_] = comments_of(team.new.project).exclude(status="declined")
    set_status(chosen, Comment.Status.DECLINED)
    comments = set(comments_of(team.new.project).values_list("receipt", "status"))
    told(project=team.slug, people=20, days=20)
    after = overview(team.new.project)
    assert (after.events, after.people, after.sessions) == (before.events, before.people, before.sessions)
    assert set(comments_of(team.new.project).values_list("receipt", "status")) == comments


def test_another_seed_adds_other_people(team: Team) -> None:
    told(project=team.slug, people=20, days=20)
    told(project=team.slug, people=20, days=20, seed=2)
    assert overview(team.new.project).people == 40


@pytest.mark.parametrize("seed", range(2, 7))
def test_every_person_is_counted_once(team: Team, seed: int) -> None:
    """However many devices they have or share."""
    told(project=team.slug, people=30, days=20, seed=seed)
    assert overview(team.new.project).people == 30


def test_people_have_names(team: Team) -> None:
    told(project=team.slug, people=20, days=20)
    known = [person for person in list_people(team.new.project).people if person.identified]
    assert known
    assert all(re.fullmatch(r"\w+ \w+", person.name) for person in known)


def test_without_a_project_it_creates_one() -> None:
    assert "in Demo" in told(people=3, days=3)
    assert Project.objects.get(slug="demo").name == "Demo"
    told(people=3, days=3)
    assert Project.objects.filter(slug__startswith="demo").count() == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"people": 0}, "--people 0 is too small; the minimum is 1"),
        ({"days": 0}, "--days 0 is too small"),
        ({"seed": -1}, "--seed -1 is too small"),
        ({"project": "nowhere"}, "there is no project 'nowhere'; leave out --project"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, Any], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        told(**options)


def test_a_project_without_a_live_write_key(team: Team) -> None:
    Key.objects.filter(project=team.new.project).update(revoked_at=now())
    with pytest.raises(CommandError, match="has no write key; create one in its settings"):
        told(project=team.slug, people=1, days=1)
