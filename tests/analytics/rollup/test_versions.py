"""Data versions: events of one project do not invalidate cached answers of others."""

import datetime as dt
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.utils.timezone import now

from analytics import versions
from analytics.identity.merges import merge, undo
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.models import DataVersion, DistinctId, IdentityLink, ProjectVersion
from analytics.pipeline import until_idle
from analytics.query import answer_cache, answers, members
from analytics.rollup import maintenance
from analytics.rollup.refresh import rollup
from api import cursor
from tests.analytics.api.client import Api
from tests.clock import day
from tests.journey import Journey
from tests.people import Team, assemble

WRITES = {"series": [{"event": "wrote"}], "from": "2020-06-01", "to": "2020-07-31"}


def number(team: Team) -> int:
    return versions.current(team.id).number


def answered(team: Team, **more: Any) -> dict[str, Any]:
    answer = Api(team.api_key).post("insights/trends", WRITES | more)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def person(team: Team, distinct_id: str) -> int:
    return DistinctId.objects.get(project=team.id, distinct_id=distinct_id).person_id


@pytest.fixture
def bakery() -> Team:
    """Ana and Bo write, and a tablet nobody has signed in on."""
    team = assemble()
    journey = Journey(team).track("ana", "wrote", at=day(0)).track("bo", "wrote", at=day(1))
    journey.page("tablet", known=False, at=day(1)).through()
    return team


@pytest.fixture
def shop(bakery: Team) -> Team:
    """Another product on the same installation."""
    team = assemble()
    Journey(team).track("cy", "wrote", at=day(0)).track("dee", "wrote", at=day(0)).through()
    return team


def test_a_project_without_numbers_has_version_0(team: Team) -> None:
    rollup()
    assert number(team) == 0
    assert Api(team.api_key).get("project").json["data_version"] == 0
    assert answered(team)["data_version"] == 0


def test_events_of_another_project_change_nothing(bakery: Team, shop: Team) -> None:
    before = number(bakery), answered(bakery)
    Journey(shop).track("cy", "wrote", at=day(2)).through()
    assert number(bakery) == before[0] == before[1]["data_version"]
    assert Api(bakery.api_key).get("project").json["data_version"] == before[0]
    assert number(shop) > before[0]
    assert answered(shop)["series"][0]["total"] == 3


def test_an_unchanged_project_is_not_computed_again(
    bakery: Team, shop: Team, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, answer_cache.__name__):
        first = answered(bakery)
        Journey(shop).track("cy", "wrote", at=day(2)).through()
        second = answered(bakery)
        Journey(bakery).track("ana", "wrote", at=day(2)).through()
        answered(bakery)
    computed = [record.getMessage() for record in caplog.records]
    assert [f"project {bakery.id} at" in line for line in computed] == [True, True]
    assert first["series"] == second["series"]


def merged(team: Team) -> None:
    merge(team.new.project, person(team, "cy"), person(team, "dee"), by="zoe")


def parted(team: Team) -> None:
    merged(team)
    rollup()
    undo(IdentityLink.objects.filter(project=team.id).exclude(other=None).latest("id"), by="zoe")


def moved(team: Team) -> None:
    team.new.project.timezone = "Pacific/Auckland"
    team.new.project.save()


def weeks_from_sunday(team: Team) -> None:
    team.new.project.week_start = 6
    team.new.project.save()


def expired(team: Team) -> None:
    files = table.files(EVENTS, team.id, table.version(EVENTS))
    days = {day for file in files for day in (file.first_day, file.last_day)}
    table.drop(EVENTS, f"project_id = {team.id}", {team.id: days})


@pytest.mark.parametrize("change", [merged, parted, moved, weeks_from_sunday, expired])
def test_other_changes_of_a_project_change_no_other(
    bakery: Team, shop: Team, change: Callable[[Team], None]
) -> None:
    untouched, before = number(bakery), number(shop)
    change(shop)
    rollup()
    assert number(shop) > before
    assert number(bakery) == untouched


def test_a_merge_of_people_without_events_counts_too(bakery: Team, shop: Team) -> None:
    """Aliases can come before any event: no day is dirty, but the set of people changes."""
    untouched, before = number(bakery), number(shop)
    Journey(shop).identify("eve", device="phone").enriched()
    merge(shop.new.project, person(shop, "eve"), person(shop, "cy"), by="zoe")
    rollup()
    assert number(shop) > before
    assert number(bakery) == untouched


def test_compaction_changes_no_projects_version(bakery: Team) -> None:
    for n in range(8):
        Journey(bakery).track("ana", "wrote", at=day(n)).through()
    before, state = number(bakery), DataVersion.objects.latest("id").pk
    assert maintenance.compact(day(400).date())
    report = rollup()
    assert report.changed
    assert report.data_version > state
    assert number(bakery) == before
    assert versions.current(bakery.id).state.pk == report.data_version
    assert answered(bakery, interval="hour", to="2020-06-30")["series"][0]["total"] == 10


def test_a_rebuild_is_a_new_version_of_everything(bakery: Team, shop: Team) -> None:
    before = number(bakery), number(shop)
    rollup(everything=True)
    assert number(bakery) > before[0]
    assert number(bakery) == number(shop)
    assert [answered(team)["series"][0]["total"] for team in (bakery, shop)] == [2, 2]


def test_only_projects_with_changes_get_a_new_version() -> None:
    dice = random.Random(11)
    teams = [assemble() for _ in range(3)]
    totals = dict.fromkeys(range(3), 0)
    known: dict[int, int] = {}
    for step in range(12):
        active = {index for index in range(3) if dice.random() < 0.4}
        for index in active:
            totals[index] += 1
            Journey(teams[index]).track(dice.choice("abc"), "wrote", at=day(dice.randrange(40))).send()
        until_idle()
        now_at = {index: number(team) for index, team in enumerate(teams)}
        assert {index for index in range(3) if now_at[index] != known.get(index, 0)} == active, step
        for index, team in enumerate(teams):
            answer = answered(team)
            assert (answer["data_version"], answer["series"][0]["total"]) == (now_at[index], totals[index])
        known = now_at


QUESTION = answers.parse("trends", WRITES)
FIRST_DAY = {"series": 0, "start": "2020-06-10"}


def names(page: Any) -> list[str]:
    return [id for person in page.people for id in person.distinct_ids]


def test_the_next_page_has_the_data_version_of_the_first(bakery: Team, shop: Team) -> None:
    project = shop.new.project
    first = members.people(project, QUESTION, FIRST_DAY, limit=1)
    Journey(shop).track("fay", "wrote", at=day(0)).through()
    Journey(bakery).track("bo", "wrote", at=day(2)).through()
    second = members.people(project, QUESTION, FIRST_DAY, limit=1, after=first.next)
    assert (names(first) + names(second), second.count, second.next) == (["cy", "dee"], 2, None)
    assert members.people(project, QUESTION, FIRST_DAY).count == 3


def test_pages_of_an_idle_project_never_expire(
    shop: Team, bakery: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its version is from last night and that state is deleted, but nothing has changed since."""
    first = members.people(shop.new.project, QUESTION, FIRST_DAY, limit=1)
    assert (names(first), first.count) == (["cy"], 2)
    Journey(bakery).track("bo", "wrote", at=day(2)).through()
    monkeypatch.setattr(maintenance, "KEEP_HOURS", 0)
    maintenance.vacuum()
    assert not DataVersion.objects.filter(pk=number(shop)).exists()
    second = members.people(shop.new.project, QUESTION, FIRST_DAY, limit=1, after=first.next)
    assert names(second) == ["dee"]


def test_a_page_of_an_expired_version_says_what_to_do(shop: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    api, asked = Api(shop.api_key), WRITES | {"point": FIRST_DAY, "limit": 1}
    first = api.post("insights/trends/people", asked).json
    Journey(shop).track("fay", "wrote", at=day(0)).through()
    monkeypatch.setattr(maintenance, "KEEP_HOURS", 0)
    maintenance.vacuum()
    expired = api.post("insights/trends/people", asked | {"after": first["next"]})
    assert expired.status == 400
    assert "has expired; leave `after` out to start the list again" in expired.json["detail"]
    with pytest.raises(cursor.CursorError):
        members.people(shop.new.project, QUESTION, FIRST_DAY, limit=1, after=first["next"])


def test_versions_expire_hours_after_they_were_replaced(shop: Team) -> None:
    first = number(shop)
    Journey(shop).track("fay", "wrote", at=day(0)).through()
    second = number(shop)
    DataVersion.objects.filter(pk__lte=first).update(created_at=now() - dt.timedelta(days=9))
    DataVersion.objects.filter(pk=second).update(created_at=now() - dt.timedelta(hours=5))
    maintenance.vacuum()
    assert versions.at(shop.id, first).number == first
    DataVersion.objects.filter(pk=second).update(created_at=now() - dt.timedelta(hours=7))
    maintenance.vacuum()
    with pytest.raises(versions.VersionExpiredError):
        versions.at(shop.id, first)
    assert versions.at(shop.id, second) == versions.current(shop.id)


def test_deleting_a_project_deletes_its_versions(shop: Team) -> None:
    Journey(shop).track("cy", "wrote", at=day(3)).through()
    number_of = ProjectVersion.objects.filter(project=shop.id)
    assert number_of.count() == 2
    project = shop.new.project
    project.delete()
    assert not ProjectVersion.objects.filter(project=shop.id).exists()
    assert not rollup().busy
