"""GET /api/v1/people."""

import pytest

from analytics.api.people_endpoints import PeopleSource
from analytics.identity.merges import merge, undo
from analytics.query.persons import PersonSelection
from tests import clock
from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team


def names(rows: list[dict[str, str]]) -> list[str]:
    return [row["name"] for row in rows]


def test_it_works(team: Team, api: Api) -> None:
    journey = Journey(team).page("laptop", "/", at=clock.day(0), known=False, session="s1")
    journey.identify(
        "ana", device="laptop", at=clock.day(1), traits={"name": "Ana", "plan": "pro"}
    ).enriched()

    [ana] = api.get("people").json["people"]

    assert (ana["name"], ana["identified"]) == ("Ana", True)
    assert sorted(ana["distinct_ids"]) == ["ana", "laptop"]
    assert ana["properties"] == {"name": "Ana", "plan": "pro"}
    assert (ana["first_seen"], ana["last_seen"]) == ("2020-06-10T05:00:00Z", "2020-06-11T05:00:00Z")
    assert (ana["events"], ana["sessions"]) == (2, 1)


def test_who_was_merged_away_is_named_with_whom_they_are(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").page("laptop", "/", known=False).enriched()
    before = {row["id"] for row in api.rows("people")}
    Journey(team).identify("ana", device="laptop").enriched()

    [ana] = api.rows("people")

    assert {ana["id"], *ana["former_ids"]} == before
    assert ana["events"] == 3


def test_pages_show_everybody_once(team: Team, api: Api) -> None:
    journey = Journey(team)
    for number in range(7):
        journey.track(f"user {number}", "signup")
    journey.enriched()

    found = api.rows("people", limit=3)

    assert sorted(names(found)) == [f"user {number}" for number in range(7)]


def test_since_brings_who_is_new_and_to_whom_something_happened(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").track("bo", "signup").enriched()
    known = api.get("people").json["since"]
    assert api.rows("people", since=known) == []

    # Cy's event is years old and Bo's is new: what counts is when we learnt of it.
    Journey(team).track("cy", "imported", at=clock.day(-4000)).track("bo", "export").enriched()

    changed = api.get("people", since=known).json
    assert names(changed["people"]) == ["bo", "cy"]
    assert api.rows("people", since=changed["since"]) == []


def test_since_walks_in_pages_too(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").enriched()
    known = api.get("people").json["since"]
    journey = Journey(team)
    for number in range(5):
        journey.track(f"user {number}", "signup")
    journey.enriched()

    assert names(api.rows("people", since=known, limit=2)) == [f"user {number}" for number in range(5)]


def test_nobody_is_missed_who_changes_while_the_pages_are_read(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").track("bo", "signup").track("cy", "signup").enriched()
    first = api.get("people", limit=2).json
    Journey(team).track("ana", "export").enriched()
    second = api.get("people", limit=2, since=first["next"]).json

    assert names(first["people"] + second["people"]) == ["ana", "bo", "cy"]
    assert names(api.rows("people", since=second["since"])) == ["ana"]


def test_changes_reach_back_into_the_lake(team: Team, api: Api) -> None:
    from tests.analytics.api.test_events import expire

    Journey(team).track("ana", "signup").enriched()
    known = api.get("people").json["since"]
    Journey(team).track("bo", "signup").through()
    expire()

    assert names(api.rows("people", since=known)) == ["bo"]


@pytest.mark.parametrize("wanted", ["ndjson", "csv"])
def test_streams(team: Team, api: Api, wanted: str) -> None:
    Journey(team).identify("ana", traits={"name": "=Ana"}).track("bo", "signup").enriched()
    stream = api.get("people", format=wanted)
    Journey(team).track("cy", "signup").enriched()

    rows = stream.lines if wanted == "ndjson" else stream.table

    assert names(rows) == (["=Ana", "bo"] if wanted == "ndjson" else ["'=Ana", "bo"])
    assert names(api.rows("people", since=stream.headers["X-Next-Cursor"])) == ["cy"]


def test_by_distinct_id(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").track("bo", "signup").enriched()
    assert names(api.rows("people", distinct_id="bo")) == ["bo"]
    assert api.rows("people", distinct_id="nobody") == []


def test_a_merge_by_hand_and_its_undoing_are_changes_too(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").track("bo", "signup").track("cy", "signup").enriched()
    everybody = api.get("people").json
    ana, bo = (row["id"] for row in everybody["people"][:2])

    link = merge(team.new.project, ana, bo, by="dee")
    merged = api.get("people", since=everybody["since"]).json
    undo(link, by="dee")
    parted = api.get("people", since=merged["since"]).json

    assert [(row["id"], row["former_ids"], row["events"]) for row in merged["people"]] == [
        (ana, [bo], 2),
        (bo, [], 0),
    ]
    assert [(row["id"], row["former_ids"], row["events"]) for row in parted["people"]] == [
        (ana, [], 1),
        (bo, [], 1),
    ]
    assert api.rows("people", since=parted["since"]) == []


def test_a_stream_goes_on_beyond_who_is_merged_away_meanwhile(team: Team, api: Api) -> None:
    known = api.get("people").json["since"]
    Journey(team).track("ana", "signup").track("bo", "signup").track("cy", "signup").enriched()
    ana, bo, cy = (row["id"] for row in api.rows("people"))
    source = PeopleSource(team.new.project, PersonSelection(), known)

    assert [row.id for row in source.take(1)] == [ana]
    merge(team.new.project, ana, bo, by="dee")
    assert [row.id for row in source.take(1)] == [cy]
    [_, tombstone] = PeopleSource(team.new.project, PersonSelection(), source.end).take(9)
    assert (tombstone.id, tombstone.merged_into) == (bo, ana)


@pytest.mark.parametrize("wanted", ["json", "ndjson", "csv"])
def test_who_was_merged_away_since_comes_as_a_tombstone(team: Team, api: Api, wanted: str) -> None:
    Journey(team).track("ana", "signup").page("laptop", "/", known=False).enriched()
    before = api.get("people").json
    laptop = next(row["id"] for row in before["people"] if not row["identified"])
    Journey(team).identify("ana", device="laptop").enriched()

    answer = api.get("people", since=before["since"], format=wanted)

    if wanted == "csv":
        ana, tombstone = answer.table
        assert (ana["deleted"], ana["merged_into"]) == ("false", "")
        assert (tombstone["id"], tombstone["merged_into"], tombstone["deleted"]) == (
            str(laptop),
            ana["id"],
            "true",
        )
    else:
        rows = answer.json["people"] if wanted == "json" else answer.lines
        ana, tombstone = sorted(rows, key=lambda row: bool(row["deleted"]))
        assert (ana["deleted"], ana["merged_into"]) == (False, None)
        assert tombstone == {
            "id": laptop, "name": "", "distinct_ids": [], "identified": False, "verified": False, "first_seen": None,
            "last_seen": None, "events": 0, "sessions": 0, "former_ids": [], "properties": {},
            "merged_into": ana["id"], "deleted": True,
        }  # fmt: skip


def test_a_first_reading_has_no_tombstones(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").page("laptop", "/", known=False).enriched()
    Journey(team).identify("ana", device="laptop").enriched()
    assert [row["deleted"] for row in api.rows("people")] == [False]


def test_tombstones_come_whatever_the_filters(team: Team, api: Api) -> None:
    journey = Journey(team).identify("ana", traits={"plan": "pro"})
    journey.page("laptop", "/", known=False).track("bo", "signup").enriched()
    known = api.get("people", property="plan:is:pro").json["since"]
    Journey(team).identify("ana", device="laptop").track("bo", "export").enriched()
    changed = api.rows("people", since=known, property="plan:is:pro")
    assert sorted((row["deleted"], row["name"]) for row in changed) == [(False, "ana"), (True, "")]


@pytest.mark.parametrize("path", ["people", "events", "sessions"])
def test_the_last_page_has_no_next_and_every_page_a_cursor_for_the_next_sync(
    team: Team, api: Api, path: str
) -> None:
    Journey(team).page("ana", session="s1").page("bo", session="s2").enriched()
    first = api.get(path, limit=1).json
    second = api.get(path, limit=2, since=first["next"]).json
    assert (first["next"], first["more"]) == (first["since"], True)
    assert (second["next"], second["more"], len(second[path])) == (None, False, 1)
    assert api.rows(path, since=second["since"]) == []
