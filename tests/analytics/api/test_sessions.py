"""GET /api/v1/sessions."""

from typing import Any

from tests import clock
from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team


def test_it_works(team: Team, api: Api) -> None:
    journey = Journey(team).page("ana", "/", at=clock.day(0), session="s1")
    journey.page("ana", "/pricing", at=clock.day(0, minutes=3), session="s1").enriched()
    [ana] = api.rows("people")

    [session] = api.get("sessions").json["sessions"]

    assert (session["client_id"], session["person"]) == ("s1", ana["id"])
    assert (session["started_at"], session["ended_at"]) == ("2020-06-10T05:00:00Z", "2020-06-10T05:03:00Z")
    assert (session["seconds"], session["events"], session["pageviews"]) == (180, 2, 2)
    assert (session["entry_path"], session["exit_path"]) == ("/", "/pricing")


def test_filters(team: Team, api: Api) -> None:
    journey = Journey(team).page("ana", "/", at=clock.day(0), session="early").page("bo", "/", session="bo's")
    journey.page("ana", "/", at=clock.day(5), session="late").enriched()
    ana = api.rows("people", distinct_id="ana")[0]["id"]

    def found(**query: Any) -> list[str]:
        return [row["client_id"] for row in api.rows("sessions", **query)]

    assert found(person=ana) == ["early", "late"]
    assert found(from_="2020-06-15") == ["late"]
    assert found(to="2020-06-10") == ["early", "bo's"]
    assert found(from_="2020-06-11", to="2020-06-14") == []


def test_since_brings_what_is_new_and_what_went_on(team: Team, api: Api) -> None:
    journey = Journey(team).page("ana", "/", at=clock.day(0), session="s1")
    journey.page("bo", "/", at=clock.day(0), session="s2").enriched()
    known = api.get("sessions").json["since"]
    Journey(team).page("ana", "/on", at=clock.day(0, minutes=5), session="s1").enriched()
    Journey(team).page("cy", "/", at=clock.day(-100), session="s3").enriched()

    changed = api.rows("sessions", since=known)

    assert [(row["client_id"], row["events"]) for row in changed] == [("s1", 2), ("s3", 1)]


def test_who_came_is_who_they_are_now(team: Team, api: Api) -> None:
    Journey(team).page("laptop", "/", known=False, session="s1").track("ana", "signup").enriched()
    Journey(team).identify("ana", device="laptop").enriched()
    [ana] = api.rows("people")

    assert [row["person"] for row in api.rows("sessions")] == [ana["id"]]
    assert len(api.rows("sessions", person=ana["id"])) == 1


def test_every_format_tells_the_same(team: Team, api: Api) -> None:
    Journey(team).page("ana", "/", session="s1").page("bo", "/", session="s2").enriched()
    pages, stream = api.rows("sessions", limit=1), api.get("sessions", format="ndjson")

    assert stream.lines == pages
    assert [row["id"] for row in api.get("sessions", format="csv").table] == [str(row["id"]) for row in pages]
    assert api.rows("sessions", since=stream.headers["X-Next-Cursor"]) == []
