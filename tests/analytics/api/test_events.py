"""GET /api/v1/events."""

import datetime as dt
import uuid

import msgspec
import pytest
from django.db import connection

from analytics import schema
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.query.events import COLUMNS, Event
from tests import clock
from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team, assemble


def names(rows: list[dict[str, str]]) -> list[str]:
    return [row["event"] for row in rows]


def expire() -> None:
    """What expiry does days later: everything that the lake holds leaves PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analytics_event WHERE sequence <= %s", [table.watermark(EVENTS)])


def test_it_works(team: Team, api: Api) -> None:
    message = uuid.uuid4()
    journey = Journey(team).page("ana", "/pricing", at=clock.day(0), session="s1", id=message)
    journey.track("ana", "signup", at=clock.day(0, minutes=1), properties={"plan": "pro"}).enriched()

    answer = api.get("events")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    viewed, signup = answer.json["events"]
    assert viewed["id"] == str(message)
    assert (viewed["event"], viewed["timestamp"]) == ("$pageview", "2020-06-10T05:00:00Z")
    assert (viewed["distinct_id"], viewed["path"]) == ("ana", "/pricing")
    assert isinstance(viewed["session"], int)
    assert (signup["event"], signup["properties"]) == ("signup", {"plan": "pro"})
    assert viewed["person"] == signup["person"]
    assert viewed["sequence"] < signup["sequence"]


def test_an_event_has_the_columns_of_the_one_list_but_for_its_project() -> None:
    exported = {name for name in schema.names(schema.EVENT) if name != "project_id"}
    assert set(COLUMNS) == exported
    assert len(COLUMNS) == len(Event.__struct_fields__)


def test_pages_show_everything_once_while_people_go_on(team: Team, api: Api) -> None:
    for number in range(5):
        Journey(team).track("ana", f"before {number}").enriched()
    first = api.get("events", limit=2).json
    Journey(team).track("bo", "meanwhile").enriched()

    rest = api.rows("events", limit=2, since=first["next"])

    seen = names(first["events"] + rest)
    assert seen == [*(f"before {number}" for number in range(5)), "meanwhile"]


def test_since_brings_what_is_new_and_nothing_else(team: Team, api: Api) -> None:
    Journey(team).track("ana", "old").enriched()
    cursor = api.get("events").json["since"]
    assert api.get("events", since=cursor).json["events"] == []

    Journey(team).track("ana", "imported", at=clock.day(-4000)).enriched()
    again = api.get("events", since=cursor).json

    assert names(again["events"]) == ["imported"]
    assert api.get("events", since=again["since"]).json["events"] == []


@pytest.mark.parametrize("wanted", ["ndjson", "csv"])
def test_a_stream_says_at_its_beginning_where_to_go_on(team: Team, api: Api, wanted: str) -> None:
    Journey(team).track("ana", "one").track("bo", "two").enriched()
    stream = api.get("events", format=wanted)
    Journey(team).track("cy", "three").enriched()

    rows = stream.lines if wanted == "ndjson" else stream.table
    later = api.get("events", since=stream.headers["X-Next-Cursor"]).json

    assert names(rows) == ["one", "two"]
    assert names(later["events"]) == ["three"]


def test_every_format_tells_the_same(team: Team, api: Api) -> None:
    Journey(team).page("ana", "/", session="s").track(
        "bo", "said", properties={"a": [1, {"b": "ü"}]}
    ).enriched()

    pages, lines, table = (
        api.rows("events"),
        api.get("events", format="ndjson"),
        api.get("events", format="csv"),
    )

    assert lines.lines == pages
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["id"] for row in table.table] == [row["id"] for row in pages]
    assert [row["timestamp"] for row in table.table] == [row["timestamp"] for row in pages]
    assert [msgspec.json.decode(row["properties"]) for row in table.table] == [
        row["properties"] for row in pages
    ]
    assert [int(row["session"]) if row["session"] else None for row in table.table] == [
        row["session"] for row in pages
    ]


@pytest.mark.parametrize(
    "hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠SUM(A1)"]
)
def test_no_cell_is_a_formula(team: Team, api: Api, hostile: str) -> None:
    Journey(team).track("ana", hostile).enriched()
    [stored] = api.rows("events")
    [row] = api.get("events", format="csv").table
    assert row["event"] == f"'{stored['event']}"


def test_filters(team: Team, api: Api) -> None:
    journey = Journey(team).track("ana", "signup").track("ana", "export", session="s1", at=clock.day(1))
    journey.track("bo", "signup").enriched()
    rows = api.rows("events")
    person, session = rows[0]["person"], rows[1]["session"]

    assert names(api.rows("events", event="signup")) == ["signup", "signup"]
    assert names(api.rows("events", person=person)) == ["signup", "export"]
    assert names(api.rows("events", distinct_id="bo")) == ["signup"]
    assert names(api.rows("events", session=session)) == ["export"]
    assert api.rows("events", person=person, event="nothing") == []


def test_days_are_the_project_s_and_the_last_one_is_whole() -> None:
    team = assemble("America/New_York")
    api = Api(team.api_key)
    midnight = dt.datetime(2026, 3, 8, 5, tzinfo=dt.UTC)
    journey = Journey(team).track("ana", "the day before", at=midnight - dt.timedelta(seconds=1))
    journey.track("ana", "first second", at=midnight)
    # Clocks go forward on this day: it has 23 hours.
    journey.track("ana", "last second", at=midnight + dt.timedelta(hours=22, minutes=59, seconds=59))
    journey.track("ana", "the day after", at=midnight + dt.timedelta(hours=23)).enriched()

    assert names(api.rows("events", from_="2026-03-08", to="2026-03-08")) == ["first second", "last second"]
    assert names(api.rows("events", to="2026-03-08T04:59:59Z")) == ["the day before"]
    assert names(api.rows("events", from_="2026-03-09T00:00:00-04:00")) == ["the day after"]


def test_who_was_merged_is_who_they_are_now(team: Team, api: Api) -> None:
    Journey(team).page("laptop", "/", known=False).enriched()
    [before] = api.rows("events")
    Journey(team).track("ana", "signup").enriched()
    Journey(team).identify("ana", device="laptop").enriched()

    people = {row["person"] for row in api.rows("events")}

    assert len(people) == 1
    assert len(api.rows("events", person=people.pop())) == 3
    assert len(api.rows("events", person=before["person"])) >= 1


def test_what_has_left_the_hot_window_comes_from_the_lake(team: Team, api: Api) -> None:
    journey = Journey(team).page("laptop", "/pricing", known=False, session="s1", at=clock.day(1))
    journey.identify("ana", device="laptop", at=clock.day(2)).through()
    hot = api.rows("events")
    expire()

    assert api.rows("events") == hot
    assert api.get("events", format="ndjson").lines == hot
    assert api.rows("events", event="$pageview", session=hot[0]["session"], from_="2020-06-11") == hot[:1]
    assert api.rows("events", person=hot[0]["person"]) == hot
    assert api.rows("events", distinct_id="nobody") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_there_is_no_gap_and_no_double_where_the_lake_ends(team: Team, api: Api, limit: int) -> None:
    Journey(team).track("ana", "expired 1").track("ana", "expired 2").through()
    expire()
    Journey(team).track("ana", "loaded and hot").through()
    Journey(team).track("ana", "hot only").enriched()

    rows = api.rows("events", limit=limit)

    assert names(rows) == ["expired 1", "expired 2", "loaded and hot", "hot only"]


@pytest.mark.parametrize(
    ("query", "where", "says"),
    [
        ({"form": "csv"}, "form", "unknown parameter; allowed here: format, limit, since, from"),
        ({"limit": "0"}, "limit", "Expected `int` >= 1"),
        ({"limit": "1001"}, "limit", "Expected `int` <= 1000"),
        ({"limit": "ten"}, "limit", "Expected `int`"),
        ({"format": "xml"}, "format", "Invalid enum value 'xml'"),
        ({"from_": "yesterday"}, "from", "neither a date (2026-01-31) nor a time"),
        ({"to": "2026-02-30"}, "to", "neither a date"),
        ({"to": "9999-12-31"}, "to", "neither a date"),
        ({"from_": "2026-01-01T12:00:00"}, "from", "lacks a UTC offset"),
        ({"person": "-1"}, "person", "Expected `int` >= 0"),
        ({"person": str(2**63)}, "person", "Expected `int` <="),
        ({"event": "a\0b"}, "event", "NUL"),
        ({"event": ["a", "b"]}, "event", "more than once"),
        ({"since": "abc"}, "since", "not a cursor of this list"),
        ({"since": "ä"}, "since", "not a cursor of this list"),
        ({"since": ""}, "since", "not a cursor of this list"),
    ],
)
def test_bad_parameters_are_named(api: Api, query: dict[str, str], where: str, says: str) -> None:
    answer = api.get("events", **query)
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json.get("where", "") == where
    assert says in answer.json["detail"]


def test_a_cursor_of_people_is_no_cursor_of_events(api: Api) -> None:
    cursor = api.get("people").json["since"]
    assert api.get("events", since=cursor).status == 400
