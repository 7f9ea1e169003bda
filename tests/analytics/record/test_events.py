"""Events that Firsthand records itself, in the caller's transaction."""

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from analytics.doctor import balance
from analytics.enrich.batches import enrich
from analytics.ingest import commit
from analytics.ingest.local import LocalIngest
from analytics.models import LedgerEntry
from analytics.record import EventColumns, record
from analytics.schema import INBOX, names
from tests.people import Team

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def inbox(team: Team) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event, distinct_id, path, client_session, user_known, properties FROM analytics_inbox"
            " WHERE project_id = %s ORDER BY position",
            [team.id],
        )
        return list(cursor.fetchall())


def columns(team: Team, **more: Any) -> EventColumns:
    return EventColumns(project_id=team.id, id=uuid.uuid4(), distinct_id="ana", timestamp=NOON, **more)


def say(team: Team, **more: Any) -> None:
    record("$comment", columns(team, **more), {"a": 1})


def test_a_recorded_event_is_in_the_inbox(team: Team) -> None:
    say(team, client_session="s1", url="https://shop.example/cart?x=1", user_known=True)
    assert inbox(team) == [("$comment", "ana", "/cart", "s1", 1, '{"a":1}')]


def test_the_ledger_counts_it_as_received_when_it_is_enriched(team: Team) -> None:
    say(team)
    say(team)
    while enrich().claimed:
        pass
    entry = LedgerEntry.objects.get(project_id=team.id, outcome="received")
    assert (entry.reason, entry.count) == ("recorded", 2)
    assert entry.hour == dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)


def test_a_rollback_removes_event_and_count(team: Team) -> None:
    with transaction.atomic():
        say(team)
        transaction.set_rollback(True)
    assert inbox(team) == []
    while enrich().claimed:
        pass
    assert not LedgerEntry.objects.filter(project_id=team.id).exists()


def test_the_doctor_counts_it_before_and_after(team: Team) -> None:
    say(team)
    found = {each.part.rpartition(" ")[2]: each.detail for each in balance.check(team.new.project)}
    assert found["ledger"] == "1 received = 0 stored + 0 duplicates + 0 refused + 0 quarantined + 1 waiting"
    while enrich().claimed:
        pass
    found = {each.part.rpartition(" ")[2]: each.detail for each in balance.check(team.new.project)}
    assert found["ledger"] == "1 received = 1 stored + 0 duplicates + 0 refused + 0 quarantined + 0 waiting"


def test_ingest_stores_events_while_a_recording_transaction_stays_open(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ingest would wait for a lock, take the database for unreachable, and spool every project's events."""
    # Long enough for a busy machine. If ingest waited for the transaction, no time would be.
    monkeypatch.setattr(commit, "COMMIT_TIMEOUT", 30)
    with transaction.atomic():
        say(team)
        say(team)
        with LocalIngest() as ingest:
            call = {"userId": "bo", "event": "signup"}
            assert ingest.post("/v1/track", call, key=team.write_key).status_code == 200
        assert [row[:2] for row in inbox(team)] == [
            ("$comment", "ana"),
            ("$comment", "ana"),
            ("signup", "bo"),
        ]


def test_two_open_transactions_record_at_the_same_time(team: Team) -> None:
    def another() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '20s'")
            say(team)
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as other:
        say(team)
        other.submit(another).result()
        assert len(inbox(team)) == 2


def test_a_url_without_a_path_has_the_path_slash(team: Team) -> None:
    say(team, url="https://shop.example")
    assert inbox(team)[0][2] == "/"


def test_properties_that_are_not_json_raise_before_anything_is_written(team: Team) -> None:
    with pytest.raises(TypeError):
        record("x", columns(team), {"a": object()})
    assert inbox(team) == []


@pytest.mark.parametrize(
    "at",
    [
        dt.datetime(1, 1, 1, tzinfo=dt.UTC),
        dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
        # In UTC this is the year 10000, which Python's dates do not have.
        dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-dt.timedelta(hours=12))),
    ],
)
def test_a_time_that_later_stages_cannot_process_raises(team: Team, at: dt.datetime) -> None:
    event = EventColumns(project_id=team.id, id=uuid.uuid4(), distinct_id="ana", timestamp=at)
    with pytest.raises(ValueError, match="cannot be from"):
        record("$comment", event, {})
    assert inbox(team) == []


def test_every_column_that_enrich_reads_can_be_set() -> None:
    """The others are set by `record`, or are about identity and facts, which only clients send."""
    given = set(EventColumns.__struct_fields__)
    assert given < set(names(INBOX))
    assert set(names(INBOX)) - given == {
        "event", "properties", "link", "linked_id", "person_set", "person_set_once", "personless",
    }  # fmt: skip
