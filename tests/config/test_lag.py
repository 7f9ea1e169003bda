"""How long events wait for each stage, in /readyz, doctor and on the Health page."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from analytics import lag
from analytics.doctor import installation
from analytics.lake.load import load
from analytics.models import Heartbeat, QuarantinedEvent, StageFailure
from analytics.pipeline import until_idle
from analytics.rollup.refresh import rollup
from config.home import layout
from tests.analytics.console.pages import signed_in
from tests.journey import Journey
from tests.people import Team, assemble


@pytest.fixture(autouse=True)
def _idle(settings: Settings) -> None:
    """Nothing waits, and the worker lives."""
    settings.DATABASE_URL = layout.database_url()
    until_idle()
    Heartbeat.objects.update_or_create(part="worker", defaults={"at": now()})


def test_readyz_reports_every_part() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200, answer.content
    assert answer.json()["ready"] is True
    assert {name: part["ready"] for name, part in answer.json()["parts"].items()} == {
        "database": True,
        "lake": True,
        "worker": True,
        "enrich": True,
        "load": True,
        "rollup": True,
    }


def readyz() -> tuple[int, dict[str, dict[str, object]]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["parts"]


def wait_for(team: Team, table: str, minutes: int) -> None:
    """The team's rows arrived that long ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET received_at = now() - make_interval(mins => %s) WHERE project_id = %s",
            [minutes, team.id],
        )


def test_it_says_how_long_the_oldest_event_of_each_stage_has_waited(team: Team) -> None:
    assert [readyz()[1][stage]["detail"] for stage in ("enrich", "load", "rollup")] == ["nothing waits"] * 3
    Journey(team).track("ana", "signup").send()
    status, parts = readyz()
    assert status == 200
    assert re.fullmatch(r"the oldest unprocessed event has waited for \d+ s", str(parts["enrich"]["detail"]))


def test_it_is_not_ready_when_an_event_waits_too_long_for_enrich(team: Team) -> None:
    Journey(team).track("ana", "signup").send()
    wait_for(team, "analytics_inbox", 3)
    status, parts = readyz()
    assert (status, parts["enrich"]["ready"]) == (503, False)
    assert str(parts["enrich"]["detail"]).startswith("the oldest unprocessed event has waited for 18")
    assert parts["load"]["ready"]


def test_it_is_not_ready_when_an_event_waits_too_long_for_the_lake(team: Team) -> None:
    Journey(team).track("ana", "signup").enriched()
    wait_for(team, "analytics_event", 3)
    status, parts = readyz()
    assert (status, parts["load"]["ready"]) == (503, False)


def test_it_is_not_ready_when_a_change_of_the_lake_waits_too_long_for_the_rollup(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journey(team).track("ana", "signup").enriched()
    while load().rows:
        pass
    monkeypatch.setitem(lag.MAX_LAG, "rollup", dt.timedelta(0))
    status, parts = readyz()
    assert (status, parts["rollup"]["ready"]) == (503, False)
    rollup()
    assert readyz()[1]["rollup"]["detail"] == "nothing waits"


def test_the_doctor_warns_of_the_same(team: Team) -> None:
    Journey(team).track("ana", "signup").send()
    wait_for(team, "analytics_inbox", 3)
    found = {each.part: each for each in installation.check()}
    assert found["enrich"].state == "warning"
    assert "has waited for 18" in found["enrich"].detail


def test_the_health_page_shows_every_part_and_what_is_quarantined(team: Team) -> None:
    QuarantinedEvent.objects.create(
        project_id=team.id, event="<b>signup</b>", distinct_id="ana", received_at=now(), row="{}",
        message="unsupported Unicode escape sequence",
    )  # fmt: skip
    StageFailure.objects.create(
        project_id=team.id, stage="enrich", stopped=True, message="the sequence is stale"
    )
    page = signed_in(team.ana).get(f"/projects/{team.slug}/settings/health/").content.decode()
    for part in ("Database", "Lake", "Worker", "Enrich", "Load", "Rollup"):
        assert f">{part}</td>" in page
    assert "1 quarantined" in page
    assert "&lt;b&gt;signup&lt;/b&gt; · ana: unsupported Unicode escape sequence" in page
    assert (
        "Processing of this project has stopped. It resumes when the cause is fixed: the sequence is stale"
        in page
    )
    other = assemble()
    page = signed_in(other.ana).get(f"/projects/{other.slug}/settings/health/").content.decode()
    assert "stale" not in page
    assert "signup" not in page
