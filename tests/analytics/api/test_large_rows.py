"""Rows of any size: pages and streams are bounded in bytes, and nothing is left out or repeated."""

from collections.abc import Callable
from typing import Any

import pytest

from analytics.ingest.local import LocalIngest
from analytics.pipeline import until_idle
from analytics.query import row_filters
from api.portions import fitting, take
from config.limits import PORTION_BYTES
from tests import clock
from tests.analytics.api.client import Api
from tests.analytics.api.test_events import expire
from tests.analytics.api.test_streams import peak
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team

MANY, LARGE = 24, 900_000
"""21 MB, five times a portion."""

FEW, FACT = 80, 110_000
"""Twice a portion, of values that a person may have."""


def write_essays(team: Team) -> list[str]:
    """The names of large events, in order, with a small one after each."""
    names = [f"essay {n}" for n in range(MANY)]
    with LocalIngest() as ingest:
        for name in names:
            essay = {"event": name, "distinct_id": "ana", "properties": {"text": name[-1] * LARGE}}
            note = {"event": f"{name} sent", "distinct_id": "ana", "properties": {}}
            answer = ingest.post("/batch/", {"api_key": team.write_key, "batch": [essay, note]})
            assert answer.status_code == 200, answer.text
    Journey(team).enriched()
    return [each for name in names for each in (name, f"{name} sent")]


def load() -> None:
    until_idle()
    expire()


def nothing() -> None:
    pass


@pytest.mark.parametrize("age", [nothing, until_idle, load], ids=["hot", "both", "lake"])
@pytest.mark.parametrize("query", [{}, {"property": "text:not_contains:y"}], ids=["all", "filtered"])
def test_pages_and_streams_of_large_events(
    age: Callable[[], None], query: dict[str, str], team: Team, api: Api
) -> None:
    written = write_essays(team)
    age()
    first = api.get("events", limit=1000, **query)
    assert len(first.body) < 2 * PORTION_BYTES
    assert first.json["more"]
    assert [row["event"] for row in api.rows("events", limit=1000, **query)] == written
    lines, memory = peak(team, format="ndjson", **query)
    assert lines == len(written)
    # A few copies of a portion, of text that is one byte per character: never all of it.
    assert memory < 6 * PORTION_BYTES


@pytest.mark.parametrize("age", [nothing, load], ids=["hot", "lake"])
@pytest.mark.parametrize("session", [None, "s1"], ids=["alone", "session"])
def test_timelines_of_large_events(
    age: Callable[[], None], session: str | None, team: Team, api: Api
) -> None:
    """Alone, each event is an entry. In sessions, a page has as many sessions as fit, and at least one."""
    with LocalIngest() as ingest:
        for n in range(MANY):
            visit = {"$session_id": f"{session} {n // 8}"} if session else {}
            essay = {
                "distinct_id": "ana",
                "event": f"essay {n:02}",
                "timestamp": clock.day(n // 8).isoformat(),
                "properties": {"text": "x" * LARGE} | visit,
            }
            assert ingest.post("/batch/", {"api_key": team.write_key, "batch": [essay]}).status_code == 200
    Journey(team).enriched()
    age()
    [ana] = api.rows("people")
    entries: list[Any] = []
    page: dict[str, Any] = {"next": None, "more": True}
    while page["more"]:
        before = {"before": page["next"]} if page["next"] else {}
        answer = api.get(f"people/{ana['id']}/timeline", limit=1000, **before)
        assert len(answer.body) < 3 * PORTION_BYTES
        page = answer.json
        entries += page["entries"]
    if session:
        assert [entry["session"]["events"] for entry in entries] == [8, 8, 8]
        assert all(entry["events"] for entry in entries)
    else:
        names = [entry["event"]["event"] for entry in entries]
        assert sorted(names, reverse=True) == [f"essay {n:02}" for n in reversed(range(MANY))]
        assert len(names) == MANY


def test_pages_of_large_people(team: Team, api: Api) -> None:
    names = [f"person {n}" for n in range(8)]
    with LocalIngest() as ingest:
        for name in names:
            told = {"event": "$set", "distinct_id": name, "$set": {"essay": "x" * LARGE}}
            assert ingest.post("/batch/", {"api_key": team.write_key, "batch": [told]}).status_code == 200
    Journey(team).enriched()
    people = api.rows("people", limit=1000)
    assert [row["distinct_ids"] for row in people] == [[name] for name in names]
    assert len(api.get("people", limit=1000).body) < 2 * PORTION_BYTES


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each portion of properties that were fetched to be filtered."""
    found: list[int] = []
    matching = row_filters.people

    def measured(project: int, rows: list[Any], where: row_filters.Where) -> list[Any]:
        found.append(sum(len(text or "") for _, *texts in rows for text in texts))
        return matching(project, rows, where)

    monkeypatch.setattr(row_filters, "people", measured)
    return found


def test_people_are_filtered_in_portions(team: Team, api: Api, fetched: list[int]) -> None:
    Journey(team).identify("ana").enriched()
    start = api.get("people").json["since"]
    names = [f"person {n}" for n in range(FEW)]
    with LocalIngest() as ingest:
        for name in names:
            told = {"event": "$set", "distinct_id": name, "$set": {"essay": name + "x" * FACT}}
            assert ingest.post("/batch/", {"api_key": team.write_key, "batch": [told]}).status_code == 200
    Journey(team).enriched()
    # Of these people, pages have only as many as fit: none may be taken for the last one.
    for query in ({"property": "essay:contains:x"}, {"property": "essay:contains:x", "since": start}):
        people = api.rows("people", limit=1000, **query)
        assert [row["distinct_ids"] for row in people] == [[name] for name in names]
    assert api.rows("people", limit=1000, property=f"essay:contains:{names[-1]}x")[0]["distinct_ids"] == [
        names[-1]
    ]
    assert max(fetched) < PORTION_BYTES + 2 * FACT
    assert max(fetched) > PORTION_BYTES / 2


def test_pages_of_large_facts(team: Team, api: Api) -> None:
    with LocalIngest() as ingest:
        for n in range(FEW):
            told = {
                "event": "$set",
                "distinct_id": "ana",
                "timestamp": clock.day(0, seconds=n).isoformat(),
                "$set": {"essay": f"{n:03}" + "x" * FACT},
            }
            assert ingest.post("/batch/", {"api_key": team.write_key, "batch": [told]}).status_code == 200
    Journey(team).enriched()
    [ana] = api.rows("people")
    told_facts: list[Any] = []
    page: dict[str, Any] = {"next": None, "more": True}
    while page["more"]:
        before = {"before": page["next"]} if page["next"] else {}
        answer = api.get(f"people/{ana['id']}/facts", limit=1000, **before)
        assert len(answer.body) < PORTION_BYTES + 4 * FACT
        page = answer.json
        told_facts += page["facts"]
    assert page["next"] is None
    assert [change["after"][:3] for change in told_facts] == [f"{n:03}" for n in reversed(range(FEW))]
    lines = api.get(f"people/{ana['id']}/facts", format="ndjson").body
    assert lines.count(b"\n") == FEW


def test_pages_of_long_comments(team: Team, api: Api) -> None:
    said = [say(team, "ana", f"{n}" + "\N{GRINNING FACE}" * 19_000) for n in range(60)]
    assert len(api.get("comments", limit=1000).json["comments"]) < len(said)
    assert [row["receipt"] for row in api.rows("comments", limit=1000)] == [each.receipt for each in said]


def test_a_row_larger_than_a_portion_comes_alone() -> None:
    assert fitting([PORTION_BYTES * 9, 1]) == 1
    assert fitting([1, PORTION_BYTES * 9, 1]) == 2
    assert fitting([PORTION_BYTES - 1]) == 1
    assert fitting([]) == 0


def test_a_portion_is_full_in_rows_or_in_bytes() -> None:
    rows = iter([("x",), ("y" * PORTION_BYTES,), ("z",)])
    assert take(rows, 10)[1]
    assert take(rows, 10) == ([("z",)], False)
    assert take(iter([("z",)]), 1) == ([("z",)], True)
