"""GET /api/v1/project."""

from feedback.comments import delete_comment
from tests.analytics.api.client import Api
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team, assemble


def test_it_works() -> None:
    team = assemble("Europe/Berlin")
    journey = Journey(team).page("ana", "/", session="s1").track("bo", "signup")
    journey.through()

    answer = Api(team.api_key).get("project")

    counts = {"events": 2, "people": 2, "sessions": 1, "comments": 0}
    version = answer.json["data_version"]
    named = {"id": team.id, "project": team.slug, "name": team.new.project.name, "timezone": "Europe/Berlin"}
    assert answer.json == named | counts | {"data_version": version}
    assert version > 0


def test_counts_are_exact_however_often_it_was_sent_and_whoever_was_merged(team: Team, api: Api) -> None:
    journey = Journey(team).page("laptop", "/", known=False, session="s1").identify("ana", device="laptop")
    journey.enriched()
    journey.send_again().enriched()

    counted = api.get("project").json

    assert (counted["events"], counted["people"], counted["sessions"]) == (2, 1, 1)


def test_comments_count_unless_they_were_deleted(team: Team, api: Api) -> None:
    said = [say(team, who, "Nice.") for who in ("ana", "bo")]
    assert api.get("project").json["comments"] == 2
    delete_comment(said[0])
    assert api.get("project").json["comments"] == 1


def test_a_new_project_holds_nothing(api: Api) -> None:
    counted = api.get("project").json
    assert [counted[name] for name in ("events", "people", "sessions", "comments")] == [0, 0, 0, 0]


def test_one_row(team: Team, api: Api) -> None:
    [row] = api.get("project", format="csv").table
    assert (row["project"], row["events"]) == (team.slug, "0")
