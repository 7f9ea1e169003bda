"""GET /api/v1/people/{id}/facts, and people/{id}?on=DAY."""

from typing import Any

import pytest

from tests import clock
from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team


@pytest.fixture
def ana(team: Team, api: Api) -> str:
    """Ana starts on the free plan on day 0 and pays from day 5 on."""
    journey = Journey(team).identify("ana", at=clock.day(0), traits={"plan": "free", "city": "Rome"})
    journey.track("ana", "upgraded", at=clock.day(5), id="00000000-0000-4000-8000-000000000005",
                  properties={"$set": {"plan": "pro"}, "$set_once": {"paid": True}})  # fmt: skip
    journey.through()
    [person] = api.rows("people")
    return f"people/{person['id']}"


def test_it_works(api: Api, ana: str) -> None:
    page = api.get(f"{ana}/facts").json
    assert (page["next"], page["more"]) == (None, False)
    assert [(row["property"], row["before"], row["after"]) for row in page["facts"]] == [
        ("paid", None, True), ("plan", "free", "pro"), ("city", None, "Rome"), ("plan", None, "free"),
    ]  # fmt: skip
    assert page["facts"][1] | {"sequence": 0} == {
        "at": "2020-06-15T05:00:00Z", "property": "plan", "before": "free", "after": "pro", "once": False,
        "event": "00000000-0000-4000-8000-000000000005", "sequence": 0,
    }  # fmt: skip


def test_one_property_page_by_page(api: Api, ana: str) -> None:
    first = api.get(f"{ana}/facts", property="plan", limit=1).json
    second = api.get(f"{ana}/facts", property="plan", limit=1, before=first["next"]).json
    assert [row["after"] for row in (*first["facts"], *second["facts"])] == ["pro", "free"]
    assert (first["more"], second["more"], second["next"]) == (True, False, None)
    assert api.get(f"{ana}/facts", property="nothing").json["facts"] == []


def test_lines_and_rows(api: Api, ana: str) -> None:
    rows = api.get(f"{ana}/facts").json["facts"]
    assert api.get(f"{ana}/facts", format="ndjson").lines == rows
    assert [row["after"] for row in api.get(f"{ana}/facts", format="csv").table] == [
        "true",
        "pro",
        "Rome",
        "free",
    ]


def test_a_person_as_of_the_end_of_a_day(api: Api, ana: str) -> None:
    def on(day: str) -> dict[str, Any]:
        properties: dict[str, Any] = api.get(ana, on=day).json["properties"]
        return properties

    assert on("2020-06-09") == on("0001-01-01") == {}
    assert on("2020-06-10") == on("2020-06-14") == {"plan": "free", "city": "Rome"}
    now = {"plan": "pro", "city": "Rome", "paid": True}
    assert on("2020-06-15") == on("9999-12-31") == api.get(ana).json["properties"] == now


def test_the_timeline_carries_the_changes(api: Api, ana: str) -> None:
    entries = api.get(f"{ana}/timeline").json["entries"]
    assert [[row["property"] for row in entry["event"]["changes"]] for entry in entries] == [
        ["paid", "plan"], ["city", "plan"],
    ]  # fmt: skip


def test_what_is_wrong_is_named(team: Team, api: Api, ana: str) -> None:
    assert api.get(ana, on="yesterday").status == 400
    assert api.get(f"{ana}/facts", before="nonsense").status == 400
    assert api.get("people/0/facts").status == 404
