"""The engine shows a project as it was at a data version."""

import pyarrow as pa
import pytest
from django.test import override_settings

from analytics import engine, schema
from analytics.lake import load, table
from analytics.lake.columns import EVENTS, values
from analytics.models import DataVersion
from config.env import ConfigurationError
from tests.clock import day
from tests.people import Team, assemble
from tests.stored import Happened, merge, person, store


def now(link: int = 0) -> DataVersion:
    return DataVersion(lake_version=table.version(EVENTS), activity_version=table.NEVER, link_id=link)


def test_an_empty_project_has_empty_tables_with_all_columns(team: Team) -> None:
    with engine.snapshot(team.id, now()) as tables:
        rows = tables.run(tables.events)
        assert rows.num_rows == 0
        assert rows.schema.names == [*schema.names(schema.EVENT), "day"]
        assert tables.run(tables.activity).schema.names[:3] == ["project_id", "day", "person_id"]


def test_one_project_never_sees_the_rows_of_another(team: Team) -> None:
    ana = person(team.new.project, "Ana", day(0))
    store(team.new.project, [Happened(ana, "signup", day(0))])
    load.load()
    with engine.snapshot(team.id, now()) as tables:
        (row,) = tables.run(tables.events).to_pylist()
    assert (row["project_id"], row["person_id"], row["event"], row["day"]) == (
        team.id,
        ana,
        "signup",
        day(0).date(),
    )
    assert row["timestamp"] == day(0)


def test_the_same_question_of_two_projects_at_once_is_answered_to_each(team: Team) -> None:
    """Tables have the same names in every snapshot, and compiled SQL is cached."""
    stranger = assemble()
    ana, eve = person(team.new.project, "Ana", day(0)), person(stranger.new.project, "Eve", day(0))
    store(team.new.project, [Happened(ana, "signup", day(0))])
    store(stranger.new.project, [Happened(eve, "intrude", day(0))])
    load.load()
    with engine.snapshot(team.id, now()) as ours, engine.snapshot(stranger.id, now()) as theirs:
        for tables, who in ((ours, ana), (theirs, eve), (ours, ana)):
            wanted = tables.table(pa.table({"wanted_id": [ana, eve]}))
            found = tables.events.join(wanted, tables.events.person_id == wanted.wanted_id)
            assert tables.run(found)["person_id"].to_pylist() == [who]


def test_merges_count_as_of_their_link_and_stored_ids_stay(team: Team) -> None:
    visitor, ana = (person(team.new.project, name, day(0)) for name in ("visitor", "Ana"))
    store(team.new.project, [Happened(visitor, "looked", day(0)), Happened(ana, "signup", day(1))])
    load.load()
    link = merge(team.new.project, visitor, ana, day(1))
    with engine.snapshot(team.id, now(link - 1)) as before:
        assert sorted(values(before.run(before.events)["person_id"], int)) == [visitor, ana]
    with engine.snapshot(team.id, now(link)) as after:
        assert after.run(after.events)["person_id"].to_pylist() == [ana, ana]
        assert sorted(values(after.run(after.stored)["person_id"], int)) == [visitor, ana]


def test_in_memory_tables_join_and_results_stream(team: Team) -> None:
    ana = person(team.new.project, "Ana", day(0))
    store(team.new.project, [Happened(ana, f"step {n}", day(n)) for n in range(5)])
    load.load()
    with engine.snapshot(team.id, now()) as tables:
        wanted = tables.table(pa.table({"event": ["step 1", "step 3"]}))
        chosen = tables.events.semi_join(wanted, "event").order_by("timestamp")
        assert tables.run(chosen)["event"].to_pylist() == ["step 1", "step 3"]
        assert sum(batch.num_rows for batch in tables.stream(tables.events, rows=2)) == 5


def test_days_leave_out_files_beyond_them(team: Team) -> None:
    ana = person(team.new.project, "Ana", day(0))
    store(team.new.project, [Happened(ana, "wrote", day(each)) for each in (0, 40, 80)])
    load.load()
    with engine.snapshot(team.id, now(), days=(day(30).date(), day(50).date())) as tables:
        assert tables.run(tables.events)["timestamp"].to_pylist() == [day(40)]


@override_settings(ENGINE_URL="abacus://desk")
def test_an_engine_that_does_not_exist_is_named(team: Team) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"'abacus://desk'.*use one of: duckdb://"),
        engine.snapshot(team.id),
    ):
        pass
