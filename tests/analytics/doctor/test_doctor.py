"""`manage.py doctor` reports what is wrong, and nothing else."""

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


def errors(team: Team) -> dict[str, str]:
    found = balance.check(team.new.project)
    return {f.part.rpartition(" ")[2]: f.detail for f in found if f.state == "error"}


def doctor(team: Team) -> tuple[bool, dict[str, Any]]:
    output = StringIO()
    try:
        call_command("doctor", json=True, project=team.slug, stdout=output)
    except CommandError:
        return False, json.loads(output.getvalue())
    return True, json.loads(output.getvalue())


def test_it_works(team: Team) -> None:
    content, output = doctor(healthy(team))
    assert (content, output["ok"]) == (True, True)
    parts = {finding["part"]: finding["detail"] for finding in output["findings"]}
    assert parts["database"].startswith("PostgreSQL ")
    ledger = parts[f"project {team.slug}: ledger"]
    assert ledger == "2 received = 2 stored + 0 duplicates + 0 refused + 0 quarantined + 0 waiting"
    served = parts[f"project {team.slug}: rollup"]
    assert served == "2 days; recounted 2 of them from the events, and they agree"


def test_the_counts_balance_at_every_stage(team: Team) -> None:
    journey = Journey(team).track("ana", "signup", at=day(0)).track("ana", "wrote", at=day(1))
    journey.send()
    assert errors(team) == {}
    journey.enriched()
    assert errors(team) == {}
    journey.through()
    journey.send_again()
    assert errors(team) == {}
    journey.through()
    assert errors(team) == {}


def test_an_event_lost_before_enrich(team: Team) -> None:
    Journey(team).track("ana", "signup").send()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_inbox WHERE project_id = %s", [team.id])
    assert errors(team) == {
        "ledger": "1 received, but 0 stored + 0 duplicates + 0 refused + 0 quarantined + 0 waiting: 1 are missing"
    }


def test_a_ledger_that_counts_too_much(team: Team) -> None:
    healthy(team)
    LedgerEntry.objects.filter(project_id=team.id, outcome="received").update(count=1)
    assert errors(team)["ledger"].endswith("1 are too many")


def test_an_event_that_the_lake_has_lost(team: Team) -> None:
    healthy(team)
    table.drop(EVENTS, f"project_id = {team.id} AND day = DATE '2020-06-11'", {})
    assert errors(team)["lake"] == "2 stored, 1 in the lake and 0 not loaded yet: 1 are missing"


def test_an_event_that_is_there_twice(team: Team) -> None:
    Journey(team).track("ana", "signup", at=day(0)).enriched()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE again AS SELECT * FROM analytics_event WHERE project_id = %s", [team.id]
        )
        cursor.execute("UPDATE again SET sequence = nextval('analytics_event_sequence')")
        cursor.execute("INSERT INTO analytics_event SELECT * FROM again")
        cursor.execute("DROP TABLE again")
    assert errors(team)["lake"] == "1 events are stored more than once"
    Journey(team).through()
    assert errors(team)["lake"] == "1 events are stored more than once"


def test_people_whose_counters_are_wrong(team: Team) -> None:
    healthy(team)
    Person.objects.filter(project_id=team.id).update(events=5)
    assert errors(team)["people"] == "2 stored events have a person, but people count 10 and their ids 2"
    DistinctId.objects.filter(project_id=team.id).update(events=0)
    assert errors(team)["people"] == "2 stored events have a person, but people count 10 and their ids 0"


def test_a_wrong_served_number_is_fixed_by_rebuild(team: Team) -> None:
    healthy(team)
    PeriodCount.objects.filter(project_id=team.id, interval="day", event="").update(people=7)
    assert errors(team)["rollup"] == (
        "2020-06-10: the dashboard shows 1 events of 7 people, the lake has 1 events of 1 people;"
        " run: manage.py rebuild"
    )
    output = StringIO()
    call_command("rebuild", stdout=output)
    assert "data version" in output.getvalue()
    assert errors(team) == {}


def test_an_error_fails_the_command_and_is_named(team: Team) -> None:
    Person.objects.filter(project_id=healthy(team).id).update(events=5)
    output = StringIO()
    with pytest.raises(CommandError, match=f"project {team.slug}: people: 2 stored events have a person"):
        call_command("doctor", project=team.slug, stdout=output)
    assert f"✗ project {team.slug}: people" in output.getvalue()
    assert f"✓ project {team.slug}: ledger" in output.getvalue()


def test_a_project_that_does_not_exist(team: Team) -> None:
    with pytest.raises(CommandError, match=f"no project 'nobody'; there are: .*{team.slug}"):
        call_command("doctor", project="nobody", stdout=StringIO())


@override_settings(BROKER_URL="redis://127.0.0.1:1/0")
def test_an_unreachable_broker_is_an_error() -> None:
    found = {finding.part: finding for finding in installation.check()}
    assert found["broker"].state == "error"
    assert "FIRSTHAND_BROKER_URL" in found["broker"].detail


def deliveries_finding() -> tuple[str, str]:
    found = {finding.part: finding for finding in installation.check()}
    return found["deliveries"].state, found["deliveries"].detail


def test_a_failed_delivery_is_a_warning(team: Team) -> None:
    failed = Delivery.objects.create(project=team.new.project, kind="comment.mail", state="failed")
    state, detail = deliveries_finding()
    assert state == "warning"
    assert detail.endswith("see Settings, Deliveries")
    failed.delete()


def test_an_overdue_delivery_is_a_warning(team: Team) -> None:
    waiting = Delivery.objects.create(project=team.new.project, kind="comment.mail", due_at=day(0))
    state, detail = deliveries_finding()
    assert state == "warning"
    assert detail.endswith("one has been due since 2020-06-10 05:00 UTC; is the worker running?")
    waiting.delete()


def lake_at(folder: Path) -> tuple[str, str]:
    with override_settings(LAKE_URL=str(folder)):
        found = {finding.part: finding for finding in installation.check()}
    return found["lake"].state, found["lake"].detail


def test_an_unusable_lake_is_an_error(tmp_path: Path) -> None:
    assert lake_at(tmp_path / "none yet") == ("ok", "empty")
    file = tmp_path / "file"
    file.touch()
    assert lake_at(file) == ("error", f"{file} is not a writable folder")


def test_a_damaged_lake_log_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "events" / "_delta_log" / f"{0:020}.json"
    log.parent.mkdir(parents=True)
    log.write_text("{ torn")
    state, detail = lake_at(tmp_path)
    assert state == "error"
    assert detail.startswith(f"{tmp_path} cannot be used: ")
