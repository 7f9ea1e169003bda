"""An installation from before comments could change: its words leave the events, its cursors keep their places."""

import datetime as dt
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from django.conf import LazySettings
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from analytics.lake import table
from analytics.lake.columns import EVENTS

ROOT = Path(__file__).parents[2]
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
DAY = NOON.date()
FIRST, SECOND, FORGED = (uuid.UUID(int=number) for number in (1, 2, 3))
SAID: dict[uuid.UUID, dict[str, Any]] = {
    FIRST: {"comment": str(FIRST), "reaction": "useful", "text": "A zebra!"},
    SECOND: {"comment": str(SECOND), "text": "Two zebras."},
    FORGED: {"comment": "zebra", "reaction": "zebra", "stripes": 7},
}
CLEAN = [
    {"comment": str(FIRST), "reaction": "useful"},
    {"comment": str(SECOND)},
    {"comment": str(FORGED)},
    {"plan": "zebra"},
]


@pytest.fixture
def environment(tmp_path: Path, settings: LazySettings) -> Iterator[dict[str, str]]:
    """A home and a database of its own, whose tables are those of before."""
    server, name = os.environ["DATABASE_URL"], f"before_{uuid.uuid4().hex}"
    settings.LAKE_URL = str(tmp_path / "lake")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            url = make_conninfo(server, dbname=name)
            found = {**os.environ, "FIRSTHAND_HOME": str(tmp_path), "DATABASE_URL": url}
            migrate(found, "analytics", "0011_assertions")
            migrate(found, "feedback", "0001_comments")
            yield found
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def migrate(environment: dict[str, str], *target: str) -> None:
    command = [sys.executable, "manage.py", "migrate", *target]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, timeout=120)


def fill_database(url: str) -> None:
    """A project in which three comments were left; their events wait in the inbox and are hot, too."""
    event_columns = 'project_id, id, event, "timestamp", received_at, distinct_id, properties'
    with psycopg.connect(url) as database:
        database.execute(
            "INSERT INTO projects_project"
            " (id, name, slug, timezone, week_start, allowed_origins, identity_secret, created_at)"
            " VALUES (1, 'Quill', 'quill', 'UTC', 0, '{}', '', now())"
        )
        database.execute(
            f"CREATE TABLE hot PARTITION OF analytics_event FOR VALUES FROM ('{DAY}') TO ('2026-03-03')"
        )
        for number, (id, properties) in enumerate(SAID.items(), 1):
            event = [1, id, "$comment", NOON, NOON, "ana", json.dumps(properties)]
            database.execute(
                f"INSERT INTO analytics_inbox ({event_columns}, user_known)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, 1)",
                event,
            )
            database.execute(
                f"INSERT INTO analytics_event ({event_columns}, stored_on, sequence, person_id)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 1)",
                [*event, DAY, number],
            )
            database.execute(
                "INSERT INTO feedback_comment (project_id, message_id, receipt, reaction, text, url, distinct_id,"
                " session, context, status, created_at, received_at)"
                " VALUES (1, %s, %s, '', 'A zebra!', '', 'ana', '', '{}', 'new', now(), now())",
                [id, f"FH-{number}"],
            )


def fill_lake() -> list[dict[str, Any]]:
    """The same events, and a sign-up."""
    happened = [("$comment", id, said) for id, said in SAID.items()]
    rows = [
        dict.fromkeys(EVENTS.columns.names)
        | {"sequence": sequence, "project_id": 1, "id": id.bytes, "event": event, "person_id": 1}
        | {"distinct_id": "ana", "properties": json.dumps(properties), "timestamp": NOON}
        | {"received_at": NOON, "day": DAY, "month": f"{NOON:%Y-%m}"}
        for sequence, (event, id, properties) in enumerate(
            [*happened, ("signup", uuid.UUID(int=4), {"plan": "zebra"})], 1
        )
    ]
    table.append(EVENTS, pa.Table.from_pylist(rows, EVENTS.columns), after=0, until=4, days={1: {DAY}})
    return rows


def in_database(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as database:
        return database.execute(query).fetchall()


def in_lake() -> list[dict[str, Any]]:
    batches = table.scan(EVENTS, EVENTS.columns.names, "project_id = 1")
    return sorted(pa.Table.from_batches(batches).to_pylist(), key=lambda row: row["sequence"])


def test_it_works(environment: dict[str, str]) -> None:
    url = environment["DATABASE_URL"]
    fill_database(url)
    rows = fill_lake()

    migrate(environment)

    for name in ("analytics_inbox", "analytics_event"):
        events = in_database(url, f"SELECT properties FROM {name} ORDER BY id")
        assert [json.loads(row["properties"]) for row in events] == CLEAN[:3]
    assert [json.loads(row["properties"]) for row in in_lake()] == CLEAN
    unchanged = [name for name in EVENTS.columns.names if name != "properties"]
    assert [[row[name] for name in unchanged] for row in in_lake()] == [
        [row[name] for name in unchanged] for row in rows
    ]
    assert table.watermark(EVENTS) == 4

    comments = in_database(url, "SELECT id, change, updated_at = received_at AS same FROM feedback_comment")
    assert all(row["change"] == row["id"] and row["same"] for row in comments)
    [following] = in_database(url, "SELECT nextval('feedback_comment_change') AS change")
    assert following["change"] == max(row["id"] for row in comments) + 1
