"""GET /api/v1/people/{id}."""

from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team

TOMBSTONE_FIELDS = {"merged_into": None, "deleted": False}


def test_it_works(team: Team, api: Api) -> None:
    Journey(team).identify("ana", traits={"name": "Ana", "email": "ana@example.com"}).enriched()
    [listed] = api.rows("people")

    answer = api.get(f"people/{listed['id']}")

    assert answer.status == 200
    assert answer.json | TOMBSTONE_FIELDS == listed
    assert answer.json["properties"]["email"] == "ana@example.com"


def test_a_merged_id_leads_to_whom_they_are_now(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").page("laptop", "/", known=False).enriched()
    before = [row["id"] for row in api.rows("people")]
    Journey(team).identify("ana", device="laptop").enriched()

    first, second = (api.get(f"people/{id}").json for id in before)

    assert first == second
    assert first["events"] == 3


def test_one_line_and_one_row(team: Team, api: Api) -> None:
    Journey(team).track("ana", "signup").enriched()
    [listed] = api.rows("people")
    path = f"people/{listed['id']}"

    assert api.get(path, format="ndjson").lines == [
        {name: value for name, value in listed.items() if name not in TOMBSTONE_FIELDS}
    ]
    [row] = api.get(path, format="csv").table
    assert (row["id"], row["name"], row["distinct_ids"]) == (str(listed["id"]), "ana", '["ana"]')


def test_nobody(api: Api) -> None:
    for id in ("0", str(2**63), "9" * 40):
        answer = api.get(f"people/{id}")
        assert answer.status == 404
        assert f"no person in this project has the ID {id}" in answer.json["detail"]
    assert api.get("people/ana").status == 404
