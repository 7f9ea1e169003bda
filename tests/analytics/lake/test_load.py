"""Load: what enrich stored is in the lake once, whatever happens on the way."""

from typing import Any

import pyarrow as pa
from django.db import connection

from analytics import schema
from analytics.lake import load, table
from analytics.lake.columns import EVENTS
from tests.clock import day
from tests.people import Team
from tests.stored import Happened, person, store


def lake(team: Team) -> list[dict[str, Any]]:
    batches = table.scan(EVENTS, EVENTS.columns.names, f"project_id = {team.id}")
    return sorted(pa.Table.from_batches(batches, EVENTS.columns).to_pylist(), key=lambda row: row["sequence"])


def test_it_copies_every_column_as_it_is(team: Team) -> None:
    ana = person(team.new.project, "Ana", day(0))
    signup = Happened(ana, "signup", day(0), properties={"plan": "früh"})
    store(team.new.project, [signup])
    assert load.load().rows >= 1
    names = schema.names(schema.EVENT)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(names)} FROM analytics_event WHERE id = %s", [signup.id])
        expected = dict(zip(names, cursor.fetchone() or (), strict=True))
    assert lake(team) == [{**expected, "id": signup.id.bytes, "day": day(0).date(), "month": "2020-06"}]
