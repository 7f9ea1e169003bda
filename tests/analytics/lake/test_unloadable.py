"""An event that cannot be loaded goes into quarantine, whole, and stops no other."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings

from analytics import failures
from analytics.doctor import balance
from analytics.enrich import quarantine
from analytics.lake import load, table, unloadable
from analytics.lake.columns import EVENTS, values
from analytics.lake.load import LoadReport
from analytics.models import IngestionWarning, LedgerEntry, Person, QuarantinedEvent, Stage, StageFailure
from analytics.pipeline import until_idle
from tests.journey import Journey, shared_ingest
from tests.people import Team, assemble

BAD_TIMES = ["12020-01-01 00:00Z", "infinity", "-infinity", "0044-03-15 00:00Z BC", "9999-12-31 23:00Z"]


@pytest.fixture(autouse=True)
def _idle() -> Iterator[None]:
    until_idle()
    yield
    QuarantinedEvent.objects.all().delete()
    StageFailure.objects.all().delete()


def sign_up(team: Team, *who: str) -> Journey:
    journey = Journey(team)
    for name in who:
        journey.track(name, "signup", properties={"source": f"{name}'s friend"}, session=f"{name}'s visit")
    journey.enriched()
    return journey


def make_unloadable(team: Team, *who: str, at: str = BAD_TIMES[0]) -> None:
    """Gives the stored events of these people a time that PostgreSQL holds and Arrow or Python's dates do not."""
    with connection.cursor() as cursor:
        cursor.execute(
            'UPDATE analytics_event SET "timestamp" = %s WHERE project_id = %s AND distinct_id = ANY(%s)',
            [at, team.id, list(who)],
        )


def mend(team: Team) -> None:
    for kept in QuarantinedEvent.objects.filter(project_id=team.id):
        kept.row = json.dumps(json.loads(kept.row) | {"timestamp": "2020-06-10T05:00:00Z"})
        kept.save()


def loaded(team: Team) -> list[str]:
    batches = table.scan(EVENTS, ["distinct_id"], f"project_id = {team.id}")
    return sorted(name for batch in batches for name in values(batch.column("distinct_id"), str))


def quarantined(team: Team) -> set[str]:
    return set(QuarantinedEvent.objects.filter(project_id=team.id).values_list("distinct_id", flat=True))


def counts(team: Team) -> dict[str, int]:
    return dict(LedgerEntry.objects.filter(project_id=team.id, count__gt=0).values_list("outcome", "count"))


def findings(team: Team) -> dict[str, tuple[str, str]]:
    return {
        each.part.rpartition(" ")[2]: (each.state, each.detail) for each in balance.check(team.new.project)
    }


@pytest.mark.parametrize("at", BAD_TIMES)
def test_one_bad_event_stops_no_other(team: Team, at: str) -> None:
    other = assemble()
    sign_up(team, *(f"user-{number}" for number in range(30)))
    sign_up(other, "bo")
    make_unloadable(team, "user-17", at=at)
    report = load.load()
    assert (report.rows, report.quarantined) == (30, 1)
    assert len(loaded(team)) == 29
    assert loaded(other) == ["bo"]
    assert quarantined(team) == {"user-17"}
    assert load.load() == LoadReport(0, table.watermark(EVENTS))


def test_several_are_each_quarantined_whatever_their_place(team: Team) -> None:
    sign_up(team, *"abcdefgh")
    make_unloadable(team, "a", "d", "h")
    report = load.load()
    assert (report.rows, report.quarantined) == (5, 3)
    assert loaded(team) == [*"bcefg"]


def test_it_is_kept_whole_and_counted(team: Team) -> None:
    sign_up(team, "ana", "bo")
    make_unloadable(team, "bo")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(e)::text FROM analytics_event e WHERE project_id = %s AND distinct_id = 'bo'",
            [team.id],
        )
        (row,) = cursor.fetchone()
    until_idle()
    kept = QuarantinedEvent.objects.get(project_id=team.id)
    assert kept.row == row
    assert (kept.stage, kept.event, str(kept.event_id)) == ("load", "signup", json.loads(row)["id"])
    assert counts(team) == {"received": 2, "stored": 1, "quarantined": 1}
    assert "bo" in IngestionWarning.objects.get(project_id=team.id, reason="quarantined").sample
    found = findings(team)
    assert found["ledger"] == (
        "ok", "2 received = 1 stored + 0 duplicates + 0 refused + 1 quarantined + 0 waiting"
    )  # fmt: skip
    state, detail = found["quarantine"]
    assert state == "warning"
    assert detail.startswith("1 events cannot be stored and are kept; the newest ('signup' of 'bo'): ")
    assert [found[part][0] for part in ("lake", "people", "rollup", "stages")] == ["ok"] * 4


def test_after_a_fix_a_replay_loads_it_once(team: Team) -> None:
    journey = sign_up(team, "ana", "bo")
    make_unloadable(team, "bo")
    until_idle()
    mend(team)
    said = StringIO()
    call_command("pipeline", replay_quarantine=True, until_idle=True, stdout=said)
    assert "1 quarantined events returned to the pipeline" in said.getvalue()
    assert "0 events stored, 0 duplicates dropped, 1 loaded" in said.getvalue()
    journey.send_again().through()
    assert loaded(team) == ["ana", "bo"]
    assert counts(team) == {"received": 4, "stored": 2, "duplicate": 2}
    assert Person.objects.get(project=team.id, name="bo").events == 1
    assert {state for state, _ in findings(team).values()} == {"ok"}


def test_what_fails_again_is_quarantined_again(team: Team) -> None:
    sign_up(team, "ana", "bo")
    make_unloadable(team, "bo")
    until_idle()
    said = StringIO()
    call_command("pipeline", replay_quarantine=True, until_idle=True, stdout=said)
    assert "1 quarantined, 0 loaded" in said.getvalue()
    assert quarantined(team) == {"bo"}
    assert findings(team)["ledger"][0] == "ok"


def test_a_copy_that_arrives_meanwhile_is_a_duplicate(team: Team) -> None:
    journey = sign_up(team, "ana")
    make_unloadable(team, "ana")
    until_idle()
    journey.send_again().through()
    assert counts(team) == {"received": 2, "quarantined": 1, "duplicate": 1}
    mend(team)
    quarantine.replay()
    until_idle()
    assert loaded(team) == ["ana"]


def test_an_event_of_nobody_is_counted_as_such(team: Team) -> None:
    sign_up(team, "ana")
    with connection.cursor() as cursor:
        # As enrich stores and counts one.
        cursor.execute("UPDATE analytics_event SET person_id = NULL WHERE project_id = %s", [team.id])
    LedgerEntry.objects.filter(project_id=team.id, outcome="stored").update(reason="no_person")
    Person.objects.filter(project=team.id).update(events=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE analytics_distinct_id SET events = 0 WHERE project_id = %s", [team.id])
    make_unloadable(team, "ana")
    until_idle()
    assert counts(team) == {"received": 1, "quarantined": 1}
    assert findings(team)["people"][0] == "ok"
    mend(team)
    quarantine.replay()
    until_idle()
    assert counts(team) == {"received": 1, "stored": 1}
    assert findings(team)["people"][0] == "ok"


def test_if_an_ordinary_event_fails_too_nothing_is_moved(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an upgrade with a mistake in it: no event can be read any more."""
    sign_up(team, "ana", "bo")
    with monkeypatch.context() as broken:
        broken.setattr(
            load, "NEW_EVENTS", load.NEW_EVENTS.replace("path, title", "NULL AS path, 1 / 0 AS title")
        )
        for _ in range(2):
            with pytest.raises(Exception, match="division by zero"):
                load.load()
        state, detail = findings(team)["stages"]
        assert state == "error"
        assert detail.startswith("load has stopped; load failed since ")
        assert "division by zero" in detail
    assert not quarantined(team)
    assert load.load().rows == 2
    assert not failures.known(Stage.LOAD)


def test_an_event_that_another_process_has_loaded_meanwhile_is_not_moved(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_up(team, "ana")
    whole = load._load

    def blame(*_: object, **__: object) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(sequence) FROM analytics_event")
            assert whole(cursor.fetchone()[0]).rows == 1
        return True

    def fail(_: int) -> LoadReport:
        raise ValueError("an older version cannot load it")

    monkeypatch.setattr(load, "_load", fail)
    monkeypatch.setattr(unloadable, "is_caused_by", blame)
    assert load.load().processed == 0
    assert (loaded(team), quarantined(team)) == (["ana"], set())


def test_an_unreachable_lake_blames_nobody(team: Team, settings: Settings, tmp_path: Path) -> None:
    sign_up(team, "ana", "bo")
    before = settings.LAKE_URL
    (tmp_path / "lake").write_text("a file where a folder should be")
    settings.LAKE_URL = str(tmp_path / "lake")
    with pytest.raises(Exception, match="lake"):
        load.load()
    assert not quarantined(team)
    settings.LAKE_URL = before
    assert load.load().rows == 2


TIMES = [
    "12020-01-01T00:00:00Z", "+12020-01-01T00:00:00Z", "infinity", "-infinity", "0044-03-15 BC", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1999-12-31T23:59:59Z", "294276-12-31T00:00:00Z", "",
]  # fmt: skip
HOSTILE = r'{"$set":{"a":"\ud800","b":1e400,"c":-1e400,"d":-0.0,"e":123456789012345678901234567890},"\u0000":"\udfff"}'


def hostile_bodies(team: Team) -> Iterator[tuple[str, Any]]:
    key = team.write_key
    for said in TIMES:
        at = json.dumps(said)
        yield "/v1/track", f'{{"userId":"ana","event":"x","timestamp":{at},"properties":{HOSTILE}}}'
        yield "/v1/track", f'{{"userId":"ana","event":"x","timestamp":{at},"sentAt":{at}}}'
        event = f'{{"event":"x","distinct_id":"ana","timestamp":{at},"properties":{HOSTILE}}}'
        yield "/batch/", f'{{"api_key":"{key}","sent_at":{at},"historical_migration":true,"batch":[{event}]}}'
    for number in (-1e30, -62135596800, 0, 253402300799, 253402300799999, 1e18, 1e30):
        event = f'{{"event":"x","properties":{{"token":"{key}","distinct_id":"ana","time":{number}}}}}'
        yield "/import", f"[{event}]"
        event = f'{{"event_type":"x","user_id":"ana-ana","time":{number}}}'
        yield "/2/httpapi", f'{{"api_key":"{key}","events":[{event}]}}'
        yield "/e/", f'{{"api_key":"{key}","event":"x","distinct_id":"ana","offset":{number}}}'


def test_no_public_endpoint_lets_such_an_event_in(team: Team) -> None:
    for path, body in hostile_bodies(team):
        assert shared_ingest().post(path, body.encode(), key=team.write_key).status_code in {200, 400}, body
    until_idle()
    assert not quarantined(team)
    assert not StageFailure.objects.exists()
    assert len(loaded(team)) > len(TIMES)
    assert {state for state, _ in findings(team).values()} == {"ok"}
