"""Changes are found where they lie: what reaches Python is a page, however many people and sessions changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from analytics import engine, pipeline
from analytics.api import changes
from analytics.models import DistinctId, Person, Session
from analytics.query import change_ranges
from tests.analytics.api.client import Api
from tests.analytics.api.test_events import expire
from tests.clock import day
from tests.people import Team
from tests.stored import Happened, merge, store, undo


@dataclass
class Received:
    rows: int = 0


@contextmanager
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """Counts the rows that come out of PostgreSQL and of the engine."""
    counted, run = Received(), engine.DuckDB.run

    def asked(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        result = execute(sql, parameters, many, context)
        counted.rows += max(0, context["cursor"].rowcount)
        return result

    def computed(self: engine.DuckDB, backend: Any, expr: Any) -> Any:
        table = run(self, backend, expr)
        counted.rows += table.num_rows
        return table

    with monkeypatch.context() as patch, connection.execute_wrapper(asked):
        patch.setattr(engine.DuckDB, "run", computed)
        yield counted


def crowd(team: Team, size: int) -> list[int]:
    """So many people who write once, each in a session of their own."""
    people = Person.objects.bulk_create(
        Person(project=team.new.project, name=f"user {n}", first_seen=day(0), last_seen=day(0))
        for n in range(size)
    )
    visits = Session.objects.bulk_create(
        Session(
            project=team.new.project,
            person=each,
            client_id=each.name,
            started_at=day(0),
            active_until=day(0),
            ended_at=day(0),
        )
        for each in people
    )
    store(team.new.project, [Happened(each.pk, "wrote", day(0)) for each in people])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analytics_event SET session_id = session.id FROM analytics_session AS session"
            " WHERE session.person_id = analytics_event.person_id AND session.id = ANY(%s)",
            [[visit.pk for visit in visits]],
        )
    return [each.pk for each in people]


@pytest.fixture
def api(team: Team) -> Api:
    return Api(team.api_key)


def cursor_of(api: Api, path: str) -> str:
    page = api.get(path, limit=1).json
    while page["next"]:
        page = api.get(path, limit=1, since=page["next"]).json
    since: str = page["since"]
    return since


@pytest.mark.parametrize("place", ["hot", "lake"])
@pytest.mark.parametrize("path", ["people", "sessions"])
def test_a_page_receives_as_many_rows_whether_few_changed_or_many(
    team: Team, api: Api, monkeypatch: pytest.MonkeyPatch, place: str, path: str
) -> None:
    crowd(team, 1)
    since = cursor_of(api, path)
    rows = {}
    for size in (20, 2_000):
        crowd(team, size)
        if place == "lake":
            pipeline.until_idle()
            expire()
        with received(monkeypatch) as counted:
            page = api.get(path, limit=10, since=since).json
        assert (len(page[path]), page["more"]) == (10, True)
        rows[size] = counted.rows
    assert rows[20] == rows[2_000] <= 60, "ten ids, ten rows, and what the key and the cursor need"


@pytest.mark.parametrize("path", ["people", "sessions"])
def test_pages_of_many_stretches_hold_everybody(
    team: Team, api: Api, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    crowd(team, 1)
    since = cursor_of(api, path)
    monkeypatch.setattr(change_ranges, "EVENTS", 7)
    crowd(team, 30)
    pages = pages_of(api, path, since)
    assert len({row["id"] for page in pages for row in page}) == 30
    assert max(map(len, pages)) == 4
    assert all(pages[:-1]), "no page but the last one is empty"


def pages_of(api: Api, path: str, since: str) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    more = True
    while more:
        page = api.get(path, limit=4, since=since).json
        found.append(page[path])
        since, more = page["since"], page["more"]
    return found


def test_a_filter_looks_beyond_those_whom_it_leaves_out(
    team: Team, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(team, 1)
    since = cursor_of(api, "people")
    *_, last = crowd(team, 40)
    DistinctId.objects.create(project=team.new.project, distinct_id="last", person_id=last)
    monkeypatch.setattr(changes, "FILTER_BATCH", 5)
    page = api.get("people", since=since, distinct_id="last", limit=2).json
    assert [row["id"] for row in page["people"]] == [last]
    assert not page["more"]


@pytest.mark.parametrize("place", ["hot", "lake"])
def test_who_was_merged_stands_under_who_they_are(team: Team, place: str) -> None:
    project, before = team.new.project, change_ranges.now(after=0, after_link=0)
    ana, bo, cy, _ = crowd(team, 4)
    if place == "lake":
        pipeline.until_idle()
        expire()
    within = change_ranges.now(after=before.upto, after_link=before.upto_link)
    merge(project, cy, ana, day(1))
    assert change_ranges.changed(project, "people", within, beyond=0, limit=2) == [ana, bo]
    link = change_ranges.now(after=within.upto, after_link=within.upto_link)
    assert change_ranges.changed(project, "people", link, beyond=0, limit=9) == [ana, cy]
    undo(project, cy, day(2))
    assert change_ranges.changed(project, "people", within, beyond=bo, limit=1) == [cy]


def test_a_stream_s_cursor_is_the_end_of_all_its_stretches(
    team: Team, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(team, 1)
    since = cursor_of(api, "people")
    monkeypatch.setattr(change_ranges, "EVENTS", 3)
    crowd(team, 20)
    stream = api.get("people", since=since, format="ndjson")
    assert len({row["id"] for row in stream.lines}) == 20
    assert api.rows("people", since=stream.headers["X-Next-Cursor"]) == []
