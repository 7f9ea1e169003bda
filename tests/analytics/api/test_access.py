"""Nobody gets in who may not, at any address of the API."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import override_settings
from django.utils.timezone import now

from analytics.api.urls import urlpatterns
from feedback.api.urls import urlpatterns as feedback_urlpatterns
from projects import keys
from projects.models import Key
from tests.analytics.api.client import Answer, Api
from tests.journey import Journey
from tests.people import Team, assemble

TRENDS = {"series": [{"event": None}], "from": "2020-06-01", "to": "2020-06-30"}
GETS = {
    "project": "events:read",
    "events": "events:read",
    "sessions": "events:read",
    "people": "people:read",
    "people/{person}": "people:read",
    "people/{person}/facts": "people:read",
    "people/{person}/timeline": "people:read",
    "comments": "comments:read",
}
POSTS: dict[str, dict[str, Any]] = {
    "insights/trends": TRENDS,
    "insights/trends/people": TRENDS | {"point": {"series": 0, "start": "2020-06-10"}},
}
ENDPOINTS = [*GETS, *POSTS]


def ask(api: Api, path: str, person: int = 0) -> Answer:
    return api.post(path, POSTS[path]) if path in POSTS else api.get(path.format(person=person))


def test_every_address_is_tried_here() -> None:
    tried = {
        path.replace("{person}", "<int:person_id>").replace("trends", "<str:kind>") for path in ENDPOINTS
    }
    served = [*urlpatterns, *feedback_urlpatterns]
    assert tried == {str(pattern.pattern) for pattern in served} - {"schema"}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_without_a_key(path: str) -> None:
    answer = ask(Api(""), path)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Authorization: Bearer" in answer.json["detail"]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_write_key_cannot_read(team: Team, path: str) -> None:
    answer = ask(Api(team.write_key), path)
    assert answer.status == 401
    assert "this is a write key" in answer.json["detail"]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_revoked_key_is_no_key(team: Team, api: Api, path: str) -> None:
    Key.objects.filter(project=team.id, kind=Key.Kind.API).update(revoked_at=now())
    assert ask(api, path).status == 401


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_key_has_only_its_scopes(team: Team, path: str) -> None:
    needed = GETS.get(path, "insights:read")
    others = tuple(scope for scope in keys.READ if scope != needed)
    answer = ask(Api(keys.create(team.new.project, Key.Kind.API, scopes=others).text), path)
    assert answer.status == 403
    assert f"lacks the scope {needed!r}" in answer.json["detail"]


@pytest.mark.parametrize("path", ENDPOINTS)
def test_another_project_s_rows_are_not_there(team: Team, path: str) -> None:
    Journey(team).page("ana", "/secret", session="s1").identify(
        "ana", traits={"name": "Ana Secret"}
    ).through()
    [ana] = Api(team.api_key).rows("people")
    own, foreign = Api(team.api_key), Api(assemble().api_key)

    answer = ask(foreign, path, ana["id"])

    assert ask(own, path, ana["id"]).status == 200
    assert answer.status == (404 if "{person}" in path else 200)
    assert b"ecret" not in answer.body


@pytest.mark.parametrize("name", ["person", "session", "distinct_id"])
def test_nor_are_they_found_by_their_ids(team: Team, api: Api, name: str) -> None:
    Journey(team).page("ana", "/", session="s1").enriched()
    [event] = api.rows("events")
    foreign = Api(assemble().api_key)
    assert foreign.rows("events", **{name: event[name]}) == []


@pytest.mark.parametrize(
    "header", ["Basic abc", "Bearer", "Bearer ", "Token x", "Bearer fhk_ä", "Bearer a b"]
)
def test_other_ways_to_write_the_header(client: Any, header: str) -> None:
    answer = client.get("/api/v1/project", headers={"authorization": header})
    assert answer.status_code == 401


def test_when_a_key_was_last_used_is_kept_to_the_minute(team: Team, api: Api) -> None:
    def last_used() -> dt.datetime | None:
        return Key.objects.get(project=team.id, kind=Key.Kind.API).last_used_at

    assert last_used() is None
    with time_machine.travel("2026-05-01T12:00:00Z", tick=False) as clock:
        api.get("project")
        first = last_used()
        clock.shift(59)
        api.get("project")
        assert last_used() == first == dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
        clock.shift(2)
        api.get("project")
        assert last_used() == dt.datetime(2026, 5, 1, 12, 1, 1, tzinfo=dt.UTC)


@override_settings(API_RATE=3)
def test_too_many_requests_with_one_key(api: Api) -> None:
    assert [api.get("project").status for _ in range(3)] == [200, 200, 200]

    answer = api.get("project")

    assert answer.status == 429
    assert 15 <= int(answer.headers["Retry-After"]) <= 20
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert Api(assemble().api_key).get("project").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("delete", "events", 405), ("post", "people", 405), ("options", "project", 405),
        ("get", "nothing", 404), ("get", "insights/trends", 405),
    ],
)  # fmt: skip
def test_other_errors_are_problems_too(client: Any, api: Api, method: str, path: str, status: int) -> None:
    answer = getattr(client, method)(f"/api/v1/{path}", headers={"authorization": f"Bearer {api.key}"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_format_that_is_not_offered(client: Any, api: Api) -> None:
    headers = {"authorization": f"Bearer {api.key}", "accept": "application/xml"}
    answer = client.get("/api/v1/events", headers=headers)
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("application/json", "application/json"), ("*/*", "application/json"), ("text/csv", "text/csv; charset=utf-8"),
     ("text/html, application/x-ndjson;q=0.9", "application/x-ndjson")],
)  # fmt: skip
def test_accept_chooses_the_format(client: Any, api: Api, accept: str, content_type: str) -> None:
    headers = {"authorization": f"Bearer {api.key}", "accept": accept}
    answer = client.get("/api/v1/project", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)


@pytest.mark.parametrize("path", [path for path in GETS if "{" not in path])
def test_a_cohort_that_does_not_exist_yet_is_not_passed_over(api: Api, path: str) -> None:
    answer = api.get(path, cohort="1")
    assert (answer.status, answer.json["where"]) == (400, "cohort")
    assert "unknown parameter; allowed here: format" in answer.json["detail"]


@pytest.mark.parametrize("path", ["people/{person}", "people/{person}/facts", "people/{person}/timeline"])
def test_nor_at_a_person(team: Team, api: Api, path: str) -> None:
    Journey(team).track("ana", "signup").enriched()
    [ana] = api.rows("people")
    answer = api.get(path.format(person=ana["id"]), cohort="1")
    assert (answer.status, answer.json["where"]) == (400, "cohort")


@pytest.mark.parametrize("path", POSTS)
def test_nor_beside_a_question(client: Any, api: Api, path: str) -> None:
    headers = {"authorization": f"Bearer {api.key}"}
    answer = client.post(
        f"/api/v1/{path}?cohort=1", POSTS[path], content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json()["where"]) == (400, "cohort")


def test_the_schema_takes_no_parameters(client: Any) -> None:
    answer = client.get("/api/v1/schema?format=yaml")
    assert (answer.status_code, answer.json()["where"]) == (400, "format")


@pytest.mark.parametrize("path", ["events", "people", "sessions"])
def test_a_cursor_of_another_project_is_refused(team: Team, api: Api, path: str) -> None:
    Journey(team).page("ana", "/", session="s").page("ana", "/", session="t").enriched()
    page = Api(assemble().api_key).get(path).json
    answer = api.get(path, since=page["since"])
    assert (answer.status, answer.json["where"]) == (400, "since")
    assert "another project" in answer.json["detail"]


@pytest.mark.parametrize("path", ["events", "sessions"])
def test_a_range_that_ends_before_it_begins(api: Api, path: str) -> None:
    answer = api.get(path, from_="2026-03-02", to="2026-03-01T23:59:59Z")
    assert (answer.status, answer.json["where"]) == (400, "from")
    assert "2026-03-02 is after `to`, 2026-03-01T23:59:59Z" in answer.json["detail"]
    assert api.get(path, from_="2026-03-02", to="2026-03-02").status == 200
    assert api.get(path, from_="2026-03-02T01:00:00+01:00", to="2026-03-02T00:00:00Z").status == 200
