"""The doctor names what is wrong, and nothing else."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from analytics.doctor import balance, installation
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.models import DistinctId, LedgerEntry, PeriodCount, Person
from outbox.models import Delivery
from tests.clock import day
from tests.journey import Journey
from tests.people import Team


def healthy(team: Team) -> Team:
    Journey(team).track("ana", "signup", at=day(0)).track("bo", "wrote", at=day(1)).through()
    return team


def faults(team: Team) -> dict[str, str]:
    found = balance.examine(team.new.project)
    return {f.part.rpartition(" ")[2]: f.detail for f in found if f.state == "fault"}


def doctor(team: Team) -> tuple[bool, dict[str, Any]]:
    said = StringIO()
    try:
        call_command("doctor", json=True, project=team.slug, stdout=said)
    except CommandError:
        return False, json.loads(said.getvalue())
    return True, json.loads(said.getvalue())


def test_it_works(team: Team) -> None:
    content, said = doctor(healthy(team))
    assert (content, said["ok"]) == (True, True)
    parts = {finding["part"]: finding["detail"] for finding in said["findings"]}
    assert parts["database"].startswith("PostgreSQL ")
    books_of = parts[f"project {team.slug}: books"]
    assert books_of == "2 received = 2 stored + 0 duplicates + 0 refused + 0 waiting"
    served = parts[f"project {team.slug}: rollup"]
    assert served == "2 days are served; 2 of them, counted again from the events, agree"


def test_every_stage_of_the_way_is_in_balance(team: Team) -> None:
    journey = Journey(team).track("ana", "signup", at=day(0)).track("ana", "wrote", at=day(1))
    journey.send()
    assert faults(team) == {}
    journey.enriched()
    assert faults(team) == {}
    journey.through()
    journey.send_again()
    assert faults(team) == {}
    journey.through()
    assert faults(team) == {}


def test_an_event_that_was_lost_on_the_way(team: Team) -> None:
    Journey(team).track("ana", "signup").send()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_inbox WHERE project_id = %s", [team.id])
    assert faults(team) == {
        "books": "1 received, but 0 stored + 0 duplicates + 0 refused + 0 waiting: 1 are missing"
    }


def test_books_that_count_too_much(team: Team) -> None:
    healthy(team)
    LedgerEntry.objects.filter(project_id=team.id, outcome="received").update(count=1)
    assert faults(team)["books"].endswith("1 are too many")


def test_an_event_that_the_lake_has_lost(team: Team) -> None:
    healthy(team)
    table.drop(EVENTS, f"project_id = {team.id} AND day = DATE '2020-06-11'", {})
    assert faults(team)["lake"] == "2 stored, 1 in the lake and 0 on their way there: 1 are missing"


def test_an_event_that_is_there_twice(team: Team) -> None:
    Journey(team).track("ana", "signup", at=day(0)).enriched()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE again AS SELECT * FROM analytics_event WHERE project_id = %s", [team.id]
        )
        cursor.execute("UPDATE again SET sequence = nextval('analytics_event_sequence')")
        cursor.execute("INSERT INTO analytics_event SELECT * FROM again")
        cursor.execute("DROP TABLE again")
    assert faults(team)["lake"] == "1 events are stored more than once"
    Journey(team).through()
    assert faults(team)["lake"] == "1 events are stored more than once"


def test_people_that_count_otherwise(team: Team) -> None:
    healthy(team)
    Person.objects.filter(project_id=team.id).update(events=5)
    assert faults(team)["people"] == "2 events stored, but people count 10 and their ids 2"
    DistinctId.objects.filter(project_id=team.id).update(events=0)
    assert faults(team)["people"] == "2 events stored, but people count 10 and their ids 0"


def test_a_served_number_that_is_wrong_and_its_remedy(team: Team) -> None:
    healthy(team)
    PeriodCount.objects.filter(project_id=team.id, interval="day", event="").update(people=7)
    assert faults(team)["rollup"] == (
        "2020-06-10: 1 events of 7 people are served, 1 events of 1 people are in the lake; run: manage.py rebuild"
    )
    said = StringIO()
    call_command("rebuild", stdout=said)
    assert "data version" in said.getvalue()
    assert faults(team) == {}


def test_a_fault_ends_the_command_with_its_name(team: Team) -> None:
    Person.objects.filter(project_id=healthy(team).id).update(events=5)
    said = StringIO()
    with pytest.raises(CommandError, match=f"project {team.slug}: people: 2 events stored"):
        call_command("doctor", project=team.slug, stdout=said)
    assert f"✗ project {team.slug}: people" in said.getvalue()
    assert f"✓ project {team.slug}: books" in said.getvalue()


def test_a_project_that_does_not_exist(team: Team) -> None:
    with pytest.raises(CommandError, match=f"no project 'nobody'; there are: .*{team.slug}"):
        call_command("doctor", project="nobody", stdout=StringIO())


@override_settings(BROKER_URL="redis://127.0.0.1:1/0")
def test_a_broker_that_is_away_is_a_fault() -> None:
    found = {finding.part: finding for finding in installation.examine()}
    assert found["broker"].state == "fault"
    assert "FIRSTHAND_BROKER_URL" in found["broker"].detail


def deliveries_finding() -> tuple[str, str]:
    found = {finding.part: finding for finding in installation.examine()}
    return found["deliveries"].state, found["deliveries"].detail


def test_a_delivery_that_failed_is_a_doubt(team: Team) -> None:
    failed = Delivery.objects.create(project=team.new.project, kind="comment.mail", state="failed")
    state, detail = deliveries_finding()
    assert state == "doubt"
    assert detail.endswith("see Settings, Deliveries")
    failed.delete()


def test_a_delivery_that_nobody_sends_is_a_doubt(team: Team) -> None:
    waiting = Delivery.objects.create(project=team.new.project, kind="comment.mail", due_at=day(0))
    state, detail = deliveries_finding()
    assert state == "doubt"
    assert detail.endswith("one has been due since 2020-06-10 05:00 UTC; is the worker running?")
    waiting.delete()


def lake_at(folder: Path) -> tuple[str, str]:
    with override_settings(LAKE_URL=str(folder)):
        found = {finding.part: finding for finding in installation.examine()}
    return found["lake"].state, found["lake"].detail


def test_a_lake_that_cannot_be_used_is_a_fault(tmp_path: Path) -> None:
    assert lake_at(tmp_path / "none yet") == ("ok", "empty")
    file = tmp_path / "file"
    file.touch()
    assert lake_at(file) == ("fault", f"{file} cannot be used: it is no folder that can be written")


def test_a_lake_whose_log_is_damaged_is_a_fault(tmp_path: Path) -> None:
    log = tmp_path / "events" / "_delta_log" / f"{0:020}.json"
    log.parent.mkdir(parents=True)
    log.write_text("{ torn")
    state, detail = lake_at(tmp_path)
    assert state == "fault"
    assert detail.startswith(f"{tmp_path} cannot be used: ")
