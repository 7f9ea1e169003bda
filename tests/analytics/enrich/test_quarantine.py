"""Acknowledged events are never destroyed: what cannot be stored is kept whole, and nobody else waits for it."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from analytics import failures
from analytics.doctor import balance
from analytics.enrich import isolation, portions, quarantine
from analytics.enrich.batches import enrich
from analytics.enrich.enrich_report import EnrichReport
from analytics.models import IngestionWarning, LedgerEntry, Person, QuarantinedEvent, StageFailure
from projects.models import Project
from tests.journey import Journey
from tests.people import Team, assemble


def make_unstorable(team: Team, *who: str) -> None:
    """Puts properties into the inbox that no JSON column accepts. Ingest would never let them in."""
    _set_properties(team, '{"name":"\\u0000"}', who)


def mend(team: Team, *who: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analytics_quarantine SET row = replace(row, %s, %s)"
            " WHERE project_id = %s AND distinct_id = ANY(%s)",
            ["\\\\u0000", "Quincy", team.id, list(who)],
        )


def _set_properties(team: Team, properties: str, who: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analytics_inbox SET person_set = %s WHERE project_id = %s AND distinct_id = ANY(%s)",
            [properties, team.id, list(who)],
        )


def sign_up(team: Team, *who: str) -> Journey:
    journey = Journey(team)
    for name in who:
        journey.track(name, "signup", properties={"source": f"{name}'s friend"}, session=f"{name}'s visit")
    return journey.send()


def waiting(team: Team) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(i) FROM analytics_inbox i WHERE project_id = %s ORDER BY position", [team.id]
        )
        return [json.loads(row) if isinstance(row, str) else row for (row,) in cursor.fetchall()]


def counts(team: Team) -> dict[str, int]:
    return dict(LedgerEntry.objects.filter(project_id=team.id, count__gt=0).values_list("outcome", "count"))


def findings(team: Team) -> dict[str, tuple[str, str]]:
    return {
        each.part.rpartition(" ")[2]: (each.state, each.detail) for each in balance.check(team.new.project)
    }


@contextmanager
def broken_for(condition: str) -> Iterator[None]:
    """PostgreSQL refuses every event for which the condition does not hold."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE analytics_event ADD CONSTRAINT broken CHECK ({condition}) NOT VALID")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE analytics_event DROP CONSTRAINT broken")


def test_one_bad_row_among_many_is_quarantined_and_the_others_are_stored(team: Team) -> None:
    sign_up(team, *(f"user-{number}" for number in range(30)))
    make_unstorable(team, "user-17")
    assert Journey(team).enriched() == EnrichReport(claimed=30, stored=29, quarantined=1)
    assert Person.objects.filter(project=team.id).count() == 29
    assert counts(team) == {"received": 30, "stored": 29, "quarantined": 1}
    warning = IngestionWarning.objects.get(project_id=team.id)
    assert warning.reason == "quarantined"
    assert "user-17" in warning.sample


def test_several_bad_rows_are_each_quarantined(team: Team) -> None:
    sign_up(team, *"abcdefgh")
    make_unstorable(team, "a", "d", "h")
    assert Journey(team).enriched() == EnrichReport(claimed=8, stored=5, quarantined=3)
    assert set(Person.objects.filter(project=team.id).values_list("name", flat=True)) == set("bcefg")


def test_the_whole_row_is_kept(team: Team) -> None:
    sign_up(team, "ana")
    make_unstorable(team, "ana")
    [row] = waiting(team)
    Journey(team).enriched()
    kept = QuarantinedEvent.objects.get(project_id=team.id)
    assert json.loads(kept.row) == row
    assert (kept.event, kept.distinct_id, kept.sqlstate) == ("signup", "ana", "22P05")
    assert kept.message == "unsupported Unicode escape sequence"


def test_the_doctor_shows_and_the_ledger_counts_it(team: Team) -> None:
    sign_up(team, "ana", "bo")
    make_unstorable(team, "bo")
    Journey(team).enriched()
    found = findings(team)
    assert found["ledger"] == (
        "ok", "2 received = 1 stored + 0 duplicates + 0 refused + 1 quarantined + 0 waiting"
    )  # fmt: skip
    state, detail = found["quarantine"]
    assert state == "warning"
    assert detail.startswith(
        "1 events cannot be stored and are kept; the newest ('signup' of 'bo'): unsupported"
    )
    assert detail.endswith("run: manage.py pipeline --replay-quarantine --until-idle")
    QuarantinedEvent.objects.filter(project_id=team.id).delete()
    assert findings(team)["quarantine"][0] == "error"


def test_a_replay_stores_what_can_be_stored_now(team: Team) -> None:
    sign_up(team, "ana", "bo", "cy")
    make_unstorable(team, "bo", "cy")
    Journey(team).enriched()
    mend(team, "cy")
    said = StringIO()
    call_command("pipeline", replay_quarantine=True, until_idle=True, stdout=said)
    assert "2 quarantined events returned to the pipeline" in said.getvalue()
    assert "1 events stored, 0 duplicates dropped, 1 quarantined" in said.getvalue()
    assert counts(team) == {"received": 3, "stored": 2, "quarantined": 1}
    assert Person.objects.get(project=team.id, name="Quincy").sessions == 1
    assert findings(team)["ledger"][0] == "ok"
    assert [row.distinct_id for row in QuarantinedEvent.objects.filter(project_id=team.id)] == ["bo"]


def test_a_replayed_event_is_stored_once_however_often_its_client_sends_it(team: Team) -> None:
    journey = sign_up(team, "ana")
    make_unstorable(team, "ana")
    journey.enriched()
    journey.send_again().enriched()
    mend(team, "ana")
    quarantine.replay()
    assert Journey(team).enriched() == EnrichReport(claimed=1, duplicates=1)
    assert counts(team) == {"received": 2, "stored": 1, "duplicate": 1}


def test_a_fault_of_the_database_leaves_every_row_in_the_inbox(team: Team) -> None:
    sign_up(team, "ana", "bo", "cy")
    before = waiting(team)
    with broken_for("false"):
        assert enrich() == EnrichReport()
        assert enrich() == EnrichReport()
        state, detail = findings(team)["stages"]
        assert state == "error"
        assert detail.startswith("enrich has stopped; enrich failed since ")
        assert 'violates check constraint "broken"' in detail
        with pytest.raises(CommandError, match=r"enrich has stopped; 3 events wait; see: manage.py doctor"):
            call_command("pipeline", until_idle=True, stdout=StringIO())
    assert waiting(team) == before
    assert not QuarantinedEvent.objects.filter(project_id=team.id).exists()
    assert enrich(retry_seconds=0) == EnrichReport(claimed=3, stored=3)
    assert findings(team)["stages"] == ("ok", "no failures")


def test_a_stale_sequence_destroys_nothing(team: Team) -> None:
    """As after a restore by hand: the next person would get the number of an existing one."""
    sign_up(team, "ana", "bo").enriched()
    behind = min(Person.objects.filter(project=team.id).values_list("pk", flat=True)) - 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM analytics_person_id_seq")
        (right,) = cursor.fetchone()
        cursor.execute("SELECT setval('analytics_person_id_seq', %s)", [max(behind, 1)])
    sign_up(team, "cy", "dee")
    try:
        enrich()
        assert not QuarantinedEvent.objects.filter(project_id=team.id).exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval('analytics_person_id_seq', %s)", [right + 100])
    while enrich(retry_seconds=0).claimed:
        pass
    assert counts(team) == {"received": 4, "stored": 4}


def test_a_fault_of_one_project_stops_no_other(team: Team) -> None:
    other = assemble()
    sign_up(team, "ana", "bo")
    sign_up(other, "cy", "dee")
    with broken_for(f"project_id <> {team.id}"):
        assert enrich() == EnrichReport(claimed=2, stored=2)
        sign_up(other, "eve")
        assert enrich() == EnrichReport(claimed=1, stored=1)
        assert len(waiting(team)) == 2
    assert enrich(retry_seconds=0) == EnrichReport(claimed=2, stored=2)


def test_after_a_few_in_succession_the_project_is_stopped(team: Team) -> None:
    """The probe can be wrong: here PostgreSQL refuses one event name only."""
    sign_up(team, *(f"user-{number}" for number in range(12)))
    with broken_for("event <> 'signup'"):
        few = isolation.MAX_IN_SUCCESSION
        assert enrich() == EnrichReport(claimed=few, quarantined=few)
        assert enrich() == EnrichReport()
        assert findings(team)["stages"][0] == "error"
        assert len(waiting(team)) == 12 - few
    quarantine.replay()
    assert enrich(retry_seconds=0) == EnrichReport(claimed=12, stored=12)
    assert counts(team) == {"received": 12, "stored": 12}


def test_a_success_in_between_ends_a_succession(team: Team) -> None:
    names = [f"user-{number}" for number in range(20)]
    sign_up(team, *names)
    make_unstorable(team, *names[::2])
    assert Journey(team).enriched() == EnrichReport(claimed=20, stored=10, quarantined=10)


def test_the_row_that_failed_is_quarantined_even_if_others_move_meanwhile(team: Team) -> None:
    """Another process enriches the rows before it, between its failure and its quarantine."""
    sign_up(team, "ana", "bo")
    make_unstorable(team, "bo")
    whole = portions.oldest(10, ())
    assert whole
    bad = portions.Portion(whole.last, whole.last, 1)

    def batch(_: portions.Portion) -> EnrichReport:
        assert enrich(1) == EnrichReport(claimed=1, stored=1)
        raise ValueError("bad")

    report = isolation.isolate(bad, batch, lambda _cursor, _position: None)
    assert report == EnrichReport(claimed=1, quarantined=1)
    assert QuarantinedEvent.objects.get(project_id=team.id).distinct_id == "bo"
    assert counts(team) == {"received": 2, "stored": 1, "quarantined": 1}


def test_while_another_process_enriches_nothing_is_blamed(team: Team) -> None:
    sign_up(team, "ana")
    make_unstorable(team, "ana")
    portion = portions.oldest(10, ())
    assert portion
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext('firsthand.enrich'))")
                entered.set()
                done.wait(30)
        finally:
            connection.close()

    def batch(_: portions.Portion) -> EnrichReport:
        raise ValueError("bad")

    with ThreadPoolExecutor(1) as other:
        holding = other.submit(hold)
        entered.wait(30)
        assert isolation.isolate(portion, batch, lambda _cursor, _position: None) == EnrichReport()
        done.set()
        holding.result()
    assert len(waiting(team)) == 1


def test_a_lost_lake_blames_nobody(team: Team) -> None:
    sign_up(team, "ana")
    portion = portions.oldest(10, ())
    assert portion

    def batch(_: portions.Portion) -> EnrichReport:
        raise OSError("the lake is unreachable")

    with pytest.raises(OSError, match="unreachable"):
        isolation.isolate(portion, batch, lambda _cursor, _position: None)
    assert len(waiting(team)) == 1


def test_portions_are_bounded_in_bytes(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    journey = Journey(team)
    for number in range(6):
        journey.track(f"user-{number}", "wrote", properties={"text": "x" * 1000})
    journey.send()
    monkeypatch.setattr(portions, "MAX_BYTES", 2500)
    assert [enrich().claimed for _ in range(3)] == [3, 3, 0]
    # A row of its own size is still a portion.
    monkeypatch.setattr(portions, "MAX_BYTES", 10)
    Journey(team).track("ana", "wrote", properties={"text": "x" * 1000}).send()
    assert enrich().claimed == 1


def test_events_of_a_project_that_is_gone_are_refused_and_others_are_not(team: Team) -> None:
    journey = Journey(team).track("ana", "signup").send()
    Project.objects.get(pk=team.id).delete()
    assert journey.enriched() == EnrichReport(claimed=1, refused=1)
    counted = LedgerEntry.objects.filter(project_id=team.id).values_list("outcome", "reason", "count")
    assert set(counted) == {("received", "", 1), ("refused", "project_gone", 1)}


def test_a_failure_says_nothing_of_what_the_event_holds() -> None:
    error = ValueError('cannot be stored\nDETAIL: Token "secret" is invalid.')
    assert failures.summary(error) == "cannot be stored"
    assert StageFailure.objects.filter(message__contains="secret").count() == 0
