"""`property=plan:is:pro`: the same answer as `where` gives in a query's body, wherever the rows lie."""

from typing import Any

import pytest

from analytics.pipeline import until_idle
from tests import clock
from tests.analytics.api.client import Api
from tests.analytics.api.test_events import expire, names
from tests.journey import Journey
from tests.people import Team

PLANS: list[dict[str, Any]] = [
    {"plan": "pro"}, {"plan": "Pro"}, {"plan": "a, b"}, {"plan": 5}, {"plan": "5"}, {"plan": 5.0}, {"plan": "5.0"},
    {"plan": 50}, {"plan": True}, {"plan": "true"}, {"plan": None}, {"plan": ""}, {"plan": "2026-01-31"}, {},
    {"plan": {"of": [1, "ü"]}}, {"pl:an": "x:is:y"}, {"a/b~c": "*"}, {"event": "renamed"}, {"plan": "007"},
]  # fmt: skip

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("plan:is:pro", {"property": "plan", "op": "is", "value": "pro"}),
    ("plan:is:5", {"property": "plan", "op": "is", "value": 5}),
    ('plan:is:"5"', {"property": "plan", "op": "is", "value": "5"}),
    ("plan:is:007", {"property": "plan", "op": "is", "value": "007"}),
    ("plan:is:", {"property": "plan", "op": "is", "value": ""}),
    ("plan:is:true", {"property": "plan", "op": "is", "value": True}),
    ("plan:is_not:pro", {"property": "plan", "op": "is_not", "value": "pro"}),
    ("plan:in:pro,5", {"property": "plan", "op": "in", "value": ["pro", 5]}),
    ('plan:in:["a, b","Pro"]', {"property": "plan", "op": "in", "value": ["a, b", "Pro"]}),
    ("plan:contains:PRO", {"property": "plan", "op": "contains", "value": "PRO"}),
    ("plan:not_contains:5", {"property": "plan", "op": "not_contains", "value": "5"}),
    ("plan:matches:^[Pp]ro$", {"property": "plan", "op": "matches", "value": "^[Pp]ro$"}),
    ("plan:gt:4.5", {"property": "plan", "op": "gt", "value": 4.5}),
    ("plan:gte:2026-01-01", {"property": "plan", "op": "gte", "value": "2026-01-01"}),
    ("plan:lt:6", {"property": "plan", "op": "lt", "value": 6}),
    ("plan:lte:5", {"property": "plan", "op": "lte", "value": 5}),
    ("plan:set", {"property": "plan", "op": "set"}),
    ("plan:not_set", {"property": "plan", "op": "not_set"}),
    ("plan:contains:ü", {"property": "plan", "op": "contains", "value": "ü"}),
    ("pl:an:is:x:is:y", {"property": "pl:an", "op": "is", "value": "x:is:y"}),
    ("a/b~c:is:*", {"property": "a/b~c", "op": "is", "value": "*"}),
    ("event:is:renamed", {"property": "event", "op": "is", "value": "renamed"}),
    ("properties.event:is:renamed", {"property": "properties.event", "op": "is", "value": "renamed"}),
    ("distinct_id:in:ana,bo", {"property": "distinct_id", "op": "in", "value": ["ana", "bo"]}),
]


def count(api: Api, where: dict[str, Any]) -> int:
    series = {"event": None, "where": [where]}
    answer = api.post("insights/trends", {"series": [series], "from": "2020-06-01", "to": "2020-06-30"})
    assert answer.status == 200, answer.body
    total = answer.json["series"][0]["total"]
    assert isinstance(total, int | float)
    return int(total)


def test_events_match_as_in_a_question_hot_loaded_and_expired(team: Team, api: Api) -> None:
    journey = Journey(team)
    for number, properties in enumerate(PLANS):
        journey.track("ana" if number % 2 else "bo", f"did {number}", properties=properties)
    journey.enriched()

    hot = {written: api.rows("events", property=written) for written, _ in ASKED}
    until_idle()
    loaded = {written: api.rows("events", property=written) for written, _ in ASKED}
    counted = {written: count(api, where) for written, where in ASKED}
    expire()
    expired = {written: api.rows("events", property=written) for written, _ in ASKED}

    assert names(hot["plan:is:pro"]) == ["did 0"]
    assert names(hot["plan:is:5"]) == ["did 3", "did 4", "did 5", "did 6"]
    assert names(hot['plan:is:"5"']) == ["did 3", "did 4"]
    assert names(hot["pl:an:is:x:is:y"]) == ["did 15"]
    assert (names(hot["event:is:renamed"]), names(hot["properties.event:is:renamed"])) == ([], ["did 17"])
    assert hot == loaded == expired
    assert {written: len(rows) for written, rows in hot.items()} == counted


def test_people_match_by_what_is_known_of_them(team: Team, api: Api) -> None:
    journey = Journey(team)
    for number, traits in enumerate(PLANS[:14]):
        journey.identify(f"user {number}", traits=traits)
    journey.identify("user 99", traits={"2024": "winner"}).enriched()

    def found(*written: str) -> list[str]:
        return [row["distinct_ids"][0] for row in api.rows("people", property=list(written), limit=2)]

    assert found("plan:is:pro") == ["user 0"]
    assert found("plan:is:5") == [f"user {number}" for number in (3, 4, 5, 6)]
    assert found("plan:gte:5", "plan:lt:50") == [f"user {number}" for number in (3, 4, 5, 6)]
    assert found("plan:contains:PRO") == ["user 0", "user 1"]
    assert found("plan:not_set") == ["user 10", "user 13", "user 99"]
    assert found("2024:is:winner") == ["user 99"]
    assert found("plan:is:nobody's") == []


def test_who_changed_is_asked_for_their_properties_too(team: Team, api: Api) -> None:
    Journey(team).identify("ana", traits={"plan": "pro"}).identify("bo", traits={"plan": "free"}).enriched()
    known = api.get("people", property="plan:is:pro").json["since"]
    Journey(team).identify("ana", traits={"plan": "free"}).identify("bo", traits={"plan": "pro"}).enriched()

    changed = api.rows("people", property="plan:is:pro", since=known)

    assert [row["distinct_ids"] for row in changed] == [["bo"]]


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_pages_and_streams_go_on_where_the_lake_ends(team: Team, api: Api, limit: int) -> None:
    for stage in ("expired", "loaded", "hot"):
        journey = Journey(team)
        for number in range(3):
            journey.track("ana", f"{stage} {number}", properties={"odd": bool(number % 2)}, at=clock.day(1))
        if stage == "hot":
            journey.enriched()
        else:
            journey.through()
        if stage == "expired":
            expire()

    pages = api.rows("events", property="odd:is:true", limit=limit)

    assert names(pages) == ["expired 1", "loaded 1", "hot 1"]
    assert api.get("events", property="odd:is:true", format="ndjson").lines == pages
    table = api.get("events", property="odd:is:true", format="csv").table
    assert [row["id"] for row in table] == [row["id"] for row in pages]


def test_several_filters_and_other_parameters_must_all_hold(team: Team, api: Api) -> None:
    journey = Journey(team).track("ana", "bought", properties={"plan": "pro", "seats": 3})
    journey.track("ana", "bought", properties={"plan": "pro", "seats": 30})
    journey.track("bo", "bought", properties={"plan": "pro", "seats": 4}).enriched()

    rows = api.rows("events", property=["plan:is:pro", "seats:lt:10"], distinct_id="ana")

    assert [row["properties"]["seats"] for row in rows] == [3]


@pytest.mark.parametrize("path", ["events", "people"])
@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("plan", "write NAME:OPERATOR:VALUE, for example plan:is:pro"),
        ("plan=pro", "the operators are is, is_not"),
        (":is:pro", "not a filter"),
        ("plan:like:pro", "not a filter"),
        ("plan:is", "`is` needs a value"),
        ("plan:is:null", "for a missing property use `not_set`"),
        ("plan:set:pro", "`set` takes no value"),
        ("plan:matches:(", "not an RE2 regular expression"),
        ("plan:gt:1e301", "numbers go up to"),
        ("plan:in:" + ",".join("x" * 201), "at most 200"),
        ("pl\0an:set", "NUL"),
        (["a:set"] * 21, "length <= 20"),
    ],
)
def test_what_is_no_filter_is_said(api: Api, path: str, written: str | list[str], says: str) -> None:
    answer = api.get(path, property=written)
    assert answer.status == 400, answer.body
    assert answer.json["where"] == "property"
    assert says in answer.json["detail"]


def test_all_filters_together_have_as_many_values_as_one(api: Api) -> None:
    half = "plan:in:" + ",".join(map(str, range(100)))
    assert api.get("events", property=[half, half]).status == 200
    refused = api.get("events", property=[half, half, "plan:is:pro"])
    assert (refused.status, refused.json["where"]) == (400, "property")
    assert refused.json["detail"] == "too many values; at most 200 in all filters"
