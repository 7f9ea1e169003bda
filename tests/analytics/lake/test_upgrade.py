"""An installation from before events could be nobody's: its database and its lake take them after an upgrade."""

import datetime as dt
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
from deltalake import DeltaTable, write_deltalake
from django.conf import LazySettings
from psycopg.conninfo import make_conninfo

from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, PARTITION, Layout

ROOT = Path(__file__).parents[3]
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def as_before(layout: Layout) -> pa.Schema:
    place = layout.columns.names.index("person_id")
    return layout.columns.set(place, layout.columns.field(place).with_nullable(False))


def row(layout: Layout, sequence: int, person: int | None) -> pa.Table:
    told: dict[str, Any] = {
        "sequence": sequence,
        "project_id": 1,
        "id": sequence.to_bytes(16),
        "event": "did",
    }
    told |= {"timestamp": NOON, "received_at": NOON, "distinct_id": "x", "properties": "{}", "count": 1}
    told |= {"first_at": NOON, "last_at": NOON, "day": NOON.date(), "month": "2026-03", "person_id": person}
    schema = layout.columns if person is None else as_before(layout)
    return pa.Table.from_pylist([{name: told.get(name) for name in schema.names}], schema)


def people(layout: Layout) -> list[int | None]:
    batches = table.scan(layout, ["person_id"], "project_id = 1")
    found = pa.Table.from_batches(batches).column("person_id").to_pylist()
    return sorted(found, key=lambda person: person or 0)


@pytest.fixture
def environment(tmp_path: Path, settings: LazySettings) -> Iterator[dict[str, str]]:
    """A home and a database of its own, with tables, a partition and a lake of the release before."""
    server, name = os.environ["DATABASE_URL"], f"before_{uuid.uuid4().hex}"
    settings.LAKE_URL = str(tmp_path / "lake")
    for layout in (EVENTS, ACTIVITY):
        old = DeltaTable.create(table.url(layout), as_before(layout), partition_by=list(PARTITION))
        write_deltalake(old, row(layout, 1, 7), mode="append")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            url = make_conninfo(server, dbname=name)
            found = {**os.environ, "FIRSTHAND_HOME": str(tmp_path), "DATABASE_URL": url}
            migrate(found, "analytics", "0014")
            yield found
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def migrate(environment: dict[str, str], *target: str) -> None:
    command = [sys.executable, "manage.py", "migrate", *target]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, timeout=120)


def test_it_works(environment: dict[str, str]) -> None:
    columns = 'stored_on, sequence, project_id, id, event, "timestamp", received_at, distinct_id, person_id, properties'
    insert = f"INSERT INTO analytics_event ({columns}) VALUES (%s, %s, 1, %s, 'did', now(), now(), 'x', %s, '{{}}')"
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as database:
        # As enrich makes partitions.
        database.execute("CREATE TABLE analytics_event_20260302 (LIKE analytics_event INCLUDING DEFAULTS)")
        database.execute(
            "ALTER TABLE analytics_event ATTACH PARTITION analytics_event_20260302"
            " FOR VALUES FROM ('2026-03-02') TO ('2026-03-03')"
        )
        database.execute(insert, [NOON.date(), 1, uuid.uuid4(), 7])
        with pytest.raises(psycopg.errors.NotNullViolation):
            database.execute(insert, [NOON.date(), 2, uuid.uuid4(), None])

        migrate(environment)

        database.execute(insert, [NOON.date(), 2, uuid.uuid4(), None])
    for layout in (EVENTS, ACTIVITY):
        at = table.version(layout)
        write_deltalake(table.url(layout), row(layout, 2, None), mode="append")
        assert people(layout) == [None, 7]
        assert [file.rows for file in table.files(layout, 1, at)] == [1]
        table.allow_nulls(layout)
        assert table.version(layout) == at + 1, "a second run changes nothing"
