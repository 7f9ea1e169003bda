"""Events that Firsthand records itself, in the caller's transaction."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection, transaction

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


def test_the_ledger_counts_it_as_received(team: Team) -> None:
    say(team)
    say(team)
    entry = LedgerEntry.objects.get(project_id=team.id)
    assert (entry.outcome, entry.reason, entry.count) == ("received", "", 2)
    assert entry.hour == dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)


def test_a_rollback_removes_event_and_count(team: Team) -> None:
    with transaction.atomic():
        say(team)
        transaction.set_rollback(True)
    assert inbox(team) == []
    assert not LedgerEntry.objects.filter(project_id=team.id).exists()


def test_a_url_without_a_path_has_the_path_slash(team: Team) -> None:
    say(team, url="https://shop.example")
    assert inbox(team)[0][2] == "/"


def test_properties_that_are_not_json_raise_before_anything_is_written(team: Team) -> None:
    with pytest.raises(TypeError):
        record("x", columns(team), {"a": object()})
    assert inbox(team) == []


def test_every_column_that_enrich_reads_can_be_set() -> None:
    """The others are set by `record`, or are about identity and facts, which only clients send."""
    given = set(EventColumns.__struct_fields__)
    assert given < set(names(INBOX))
    assert set(names(INBOX)) - given == {
        "event", "properties", "link", "linked_id", "person_set", "person_set_once",
    }  # fmt: skip
