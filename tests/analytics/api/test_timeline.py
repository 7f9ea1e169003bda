"""GET /api/v1/people/{id}/timeline."""

from typing import Any

import msgspec
import pytest

from tests import clock
from tests.analytics.api.client import Api
from tests.analytics.api.test_events import expire
from tests.journey import Journey
from tests.people import Team


def person(api: Api, distinct_id: str = "ana") -> int:
    [found] = api.rows("people", distinct_id=distinct_id)
    id: int = found["id"]
    return id


def story(api: Api, person_id: int, limit: int = 100) -> list[dict[str, Any]]:
    """The whole timeline, page by page."""
    entries: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = api.get(f"people/{person_id}/timeline", **query).json
        entries += page["entries"]
        if page["next"] is None:
            return entries
        query["before"] = page["next"]


def told(entries: list[dict[str, Any]]) -> list[Any]:
    """In short: an event's name, a session's events, a link's ids."""
    return [
        entry["event"]["event"] if entry["type"] == "event"
        else [event["path"] or event["event"] for event in entry["events"]] if entry["type"] == "session"
        else f"{entry['linked_id']} is {entry['distinct_id']}"
        for entry in entries
    ]  # fmt: skip


def a_life(team: Team) -> Journey:
    journey = Journey(team).page("laptop", "/", at=clock.day(0), known=False, session="s1")
    journey.page("laptop", "/pricing", at=clock.day(0, minutes=2), known=False, session="s1")
    journey.track("ana", "invoice paid", at=clock.day(2))
    journey.identify("ana", device="laptop", at=clock.day(3))
    return journey.page("ana", "/app", at=clock.day(4), session="s2")


LIFE = [["/app"], "laptop is ana", "$identify", "invoice paid", ["/pricing", "/"]]


def test_it_works(team: Team, api: Api) -> None:
    a_life(team).enriched()

    entries = story(api, person(api))

    assert told(entries) == LIFE
    visit = entries[-1]
    assert visit["at"] == visit["session"]["started_at"] == "2020-06-10T05:00:00Z"
    assert (visit["session"]["seconds"], visit["session"]["events"], visit["session"]["pageviews"]) == (
        120,
        2,
        2,
    )
    assert (visit["session"]["entry_path"], visit["session"]["exit_path"]) == ("/", "/pricing")


def test_pages_of_any_length_tell_the_same_story(team: Team, api: Api) -> None:
    a_life(team).enriched()
    for limit in (1, 2, 3):
        assert told(story(api, person(api), limit)) == LIFE


def test_many_events_of_the_same_moment(team: Team, api: Api) -> None:
    journey = Journey(team)
    for number in range(7):
        journey.track("ana", f"event {number}", at=clock.day(0))
    journey.identify("ana", device="laptop", at=clock.day(0)).enriched()

    entries = told(story(api, person(api), limit=2))

    everything = ["laptop is ana", "$identify", *(f"event {number}" for number in range(7))]
    assert sorted(entries) == sorted(everything)


def test_a_refused_link_is_on_both_pages_with_its_reason(team: Team, api: Api) -> None:
    Journey(team).identify("ana", device="tablet", at=clock.day(0)).enriched()
    Journey(team).identify("bo", device="tablet", at=clock.day(1)).enriched()

    for distinct_id, other in (("ana", "bo"), ("bo", "ana")):
        links = [
            entry
            for entry in story(api, person(api, distinct_id))
            if entry["type"] == "link" and entry["refused"]
        ]
        assert [link["other"] for link in links] == [person(api, other)]


def test_what_has_left_the_hot_window_is_still_told(team: Team, api: Api) -> None:
    a_life(team).through()
    expire()
    assert told(story(api, person(api))) == LIFE
    assert told(story(api, person(api), limit=1)) == LIFE

    Journey(team).track("ana", "came back", at=clock.day(9)).page(
        "ana", "/late", at=clock.day(4), session="s2"
    ).enriched()

    assert told(story(api, person(api))) == ["came back", ["/late", "/app"], *LIFE[1:]]


def test_lines_and_rows(team: Team, api: Api) -> None:
    a_life(team).enriched()
    path = f"people/{person(api)}/timeline"

    assert told(api.get(path, format="ndjson").lines) == LIFE
    rows = api.get(path, format="csv").table
    assert [row["type"] for row in rows] == ["session", "link", "event", "event", "session"]
    assert told([msgspec.json.decode(row["entry"]) for row in rows]) == LIFE


def test_bad_input(team: Team, api: Api) -> None:
    a_life(team).enriched()
    path = f"people/{person(api)}/timeline"
    assert api.get(path, before="x").status == 400
    assert api.get(path, since="x").json["where"] == "since"
    assert api.get("people/0/timeline").status == 404


def test_a_long_session_shows_its_newest_events_and_says_how_many_there_are(team: Team, api: Api) -> None:
    journey = Journey(team)
    for number in range(205):
        journey.page("ana", f"/{number}", at=clock.day(0, seconds=number), session="s1")
    journey.through()

    def shown() -> tuple[int, list[str]]:
        [visit] = story(api, person(api))
        return visit["session"]["events"], [event["path"] for event in visit["events"]]

    newest = [f"/{number}" for number in range(204, 4, -1)]
    assert shown() == (205, newest)
    expire()
    assert shown() == (205, newest)


def test_two_people_s_stories_stay_apart(team: Team, api: Api) -> None:
    journey = Journey(team).page("ana", "/a", session="a").page("bo", "/b", session="b")
    journey.track("ana", "paid", at=clock.day(3)).track("bo", "left", at=clock.day(3)).through()

    assert told(story(api, person(api, "ana"))) == ["paid", ["/a"]]
    assert told(story(api, person(api, "bo"))) == ["left", ["/b"]]
    expire()
    assert told(story(api, person(api, "ana"))) == ["paid", ["/a"]]
    assert told(story(api, person(api, "bo"))) == ["left", ["/b"]]


def test_a_merged_person_s_story_has_both_halves_wherever_they_lie(team: Team, api: Api) -> None:
    Journey(team).page("laptop", "/pricing", known=False, session="s1", at=clock.day(0)).track(
        "ana", "invoice paid", at=clock.day(1)
    ).through()
    expire()
    Journey(team).identify("ana", device="laptop", at=clock.day(2)).enriched()

    entries = story(api, person(api))

    assert told(entries) == ["laptop is ana", "$identify", "invoice paid", ["/pricing"]]
    ids = {entry["event"]["person"] for entry in entries if entry["type"] == "event"}
    assert ids | {entries[-1]["events"][0]["person"], entries[-1]["session"]["person"]} == {person(api)}


@pytest.mark.parametrize("wanted", ["json", "ndjson", "csv"])
def test_a_cursor_that_is_none_is_said_before_anything_is_streamed(team: Team, api: Api, wanted: str) -> None:
    Journey(team).track("ana", "signup").enriched()
    [ana] = api.rows("people")
    answer = api.get(f"people/{ana['id']}/timeline", before="nonsense", format=wanted)
    assert (answer.status, answer.json["where"]) == (400, "before")
