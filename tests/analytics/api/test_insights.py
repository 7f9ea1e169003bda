"""POST /api/v1/insights/{kind} and .../people."""

from typing import Any

import pytest

from tests import clock
from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team

WEEK = {"from": "2020-06-10", "to": "2020-06-12"}
RETENTION = WEEK | {"kind": "recurring", "period": "day"}
TRENDS = WEEK | {"series": [{"event": "signup", "measure": "people"}], "interval": "day"}


def three_days(team: Team) -> None:
    journey = Journey(team)
    for who, days in {"ana": (0, 1, 2), "bo": (0, 2), "cy": (1,)}.items():
        for day in days:
            journey.track(who, "signup", at=clock.day(day))
    journey.through()


def test_retention_works(team: Team, api: Api) -> None:
    three_days(team)

    answer = api.post("insights/retention", RETENTION)

    assert answer.status == 200
    cells = [[value["people"] for value in cohort["values"]] for cohort in answer.json["cohorts"]]
    assert cells == [[2, 1, 2], [2, 1], [2]]
    assert answer.json["timezone"] == "UTC"
    assert answer.json["data_version"] > 0
    assert answer.json["definition"]["period"] == "day"
    assert "computed_at" in answer.json


def test_trends_work(team: Team, api: Api) -> None:
    three_days(team)

    [series] = api.post("insights/trends", TRENDS).json["series"]

    assert [point["value"] for point in series["points"]] == [2, 2, 2]
    assert series["total"] == 3


def people(api: Api, kind: str, question: dict[str, Any], point: dict[str, Any]) -> tuple[int, list[str]]:
    page = api.post(f"insights/{kind}/people", question | {"point": point})
    assert page.status == 200, page.body
    return page.json["count"], sorted(person["name"] for person in page.json["people"])


def test_every_cell_is_its_list_of_people(team: Team, api: Api) -> None:
    three_days(team)
    for cohort in api.post("insights/retention", RETENTION).json["cohorts"]:
        for value in cohort["values"]:
            point = {"cohort": cohort["start"], "offset": value["offset"]}
            count, names = people(api, "retention", RETENTION, point)
            assert count == len(names) == value["people"]
    assert people(api, "retention", RETENTION, {"cohort": "2020-06-10", "offset": 2}) == (2, ["ana", "bo"])


def test_every_bar_is_its_list_of_people(team: Team, api: Api) -> None:
    three_days(team)
    [series] = api.post("insights/trends", TRENDS).json["series"]
    for point in series["points"]:
        count, names = people(api, "trends", TRENDS, {"series": 0, "start": point["start"]})
        assert count == len(names) == point["value"]
    assert people(api, "trends", TRENDS, {"series": 0, "start": "2020-06-11"}) == (2, ["ana", "cy"])


def test_the_people_come_in_pages(team: Team, api: Api) -> None:
    three_days(team)
    body = TRENDS | {"point": {"series": 0}, "limit": 2}
    first = api.post("insights/trends/people", body).json
    second = api.post("insights/trends/people", body | {"after": first["next"]}).json

    assert (first["count"], second["count"], second["next"]) == (3, 3, None)
    assert sorted(person["name"] for person in first["people"] + second["people"]) == ["ana", "bo", "cy"]


@pytest.mark.parametrize(
    ("path", "body", "status", "where", "says"),
    [
        ("insights/funnel", TRENDS, 404, "", "choose one of trends, retention"),
        ("insights/trends", {}, 400, "", "missing required field `from`"),
        ("insights/trends", TRENDS | {"colour": "red"}, 400, "", "unknown field `colour`"),
        (
            "insights/trends",
            TRENDS | {"from": "yesterday"},
            400,
            "from",
            "not a date; write it like 2026-01-31",
        ),
        ("insights/trends", TRENDS | {"series": [{"measure": "most"}]}, 400, "series[0].measure", ""),
        ("insights/retention", RETENTION | {"to": "2019-01-01"}, 400, "from", "is after `to`"),
        ("insights/trends", [], 400, "", "must be a JSON object"),
        ("insights/trends", b"{", 400, "", "not valid JSON"),
        ("insights/trends", b"[" * 100_000, 400, "", "nested too deeply"),
        ("insights/trends", b'"' + b"x" * 1_000_001, 413, "", "larger than 1,000,000 bytes"),
        ("insights/trends/people", TRENDS, 400, "", "missing required field `point`"),
        ("insights/trends/people", TRENDS | {"point": 1}, 400, "point", "Expected `object`"),
        ("insights/trends/people", TRENDS | {"point": {"series": 7}}, 400, "point.series", "name a series"),
        ("insights/trends/people", TRENDS | {"point": {}, "limit": 0}, 400, "limit", ">= 1"),
        (
            "insights/trends/people",
            TRENDS | {"point": {}, "after": "x"},
            400,
            "",
            "not a cursor of this list",
        ),
        ("insights/trends?format=csv", TRENDS, 400, "format", "allowed here: none"),
    ],
)
def test_bad_questions_are_told_what_is_wrong(
    api: Api, path: str, body: Any, status: int, where: str, says: str
) -> None:
    answer = api.post(path, body)
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json.get("where", "") == where
    assert says in answer.json["detail"]


def test_only_json_is_read(client: Any, api: Api) -> None:
    headers = {"authorization": f"Bearer {api.key}"}
    answer = client.post("/api/v1/insights/trends", "a=b", content_type="text/plain", headers=headers)
    assert answer.status_code == 415
    assert answer.headers["Content-Type"] == "application/problem+json"


def conditions(many: int, **more: Any) -> list[dict[str, Any]]:
    return [{"property": f"plan{n}", "op": "is", "value": "pro", **more} for n in range(many)]


def test_as_many_filters_as_allowed_and_one_more(team: Team, api: Api) -> None:
    three_days(team)
    few, many = conditions(10), conditions(11)
    question = WEEK | {"series": [{"event": "signup", "where": few}], "where": few}
    assert api.post("insights/trends", question).status == 200
    refused = api.post("insights/trends", question | {"where": many})
    assert (refused.status, refused.json["where"]) == (400, "where[10]")
    assert refused.json["detail"] == "21 filters are too many; at most 20 in all"
    assert api.post("insights/trends", question | {"where": conditions(1000)}).status == 400


def test_as_many_values_as_allowed_and_one_more(team: Team, api: Api) -> None:
    three_days(team)
    half = [{"property": "plan", "op": "in", "value": [*range(50), *map(str, range(50))]}]
    question = WEEK | {"series": [{"event": "signup", "where": half}], "where": half}
    assert api.post("insights/trends", question).status == 200
    refused = api.post("insights/trends", question | {"where": half + conditions(1)})
    assert (refused.status, refused.json["where"]) == (400, "where[1].value")
    assert refused.json["detail"] == "too many values; at most 200 in all filters"


def test_a_point_without_nul(team: Team, api: Api) -> None:
    point = {"series": 0, "start": "2020-06-10", "breakdown": "a\0b"}
    divided = TRENDS | {"breakdown": {"property": "plan"}, "point": point}
    refused = api.post("insights/trends/people", divided)
    assert (refused.status, refused.json["where"]) == (400, "point.breakdown")
