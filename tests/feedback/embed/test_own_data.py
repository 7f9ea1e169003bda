"""/v1/me: what is kept about Ana, for Ana."""

import uuid

import pytest

from analytics.enrich.batches import enrich
from analytics.ingest.local import LocalIngest
from feedback.models import Comment, Picture, Prompt, VerifiedUser
from feedback.prompts import ask
from feedback.replies import reply_as_team
from tests.feedback.embed.visiting import Visitor, token
from tests.people import Team


@pytest.fixture
def ana(team: Team, door: LocalIngest) -> Visitor:
    return Visitor(team, door, token(team, "ana", email="ana@example.com"))


def test_she_sees_what_is_kept(team: Team, door: LocalIngest, ana: Visitor) -> None:
    headers = {"Firsthand-Identity": ana.token}
    call = {"userId": "ana", "anonymousId": "laptop", "traits": {"plan": "pro"}}
    door.post("/v1/identify", call, key=team.write_key, headers=headers)
    door.post("/v1/track", {"userId": "ana", "event": "exported"}, key=team.write_key)
    ana.say("Where is it?")
    enrich(100)
    kept = ana.request("GET", "me").json()
    assert (kept["user"], kept["email"], kept["person"]["properties"]) == (
        "ana",
        "ana@example.com",
        {"plan": "pro"},
    )
    assert "exported" in {each["event"]["event"] for each in kept["timeline"] if each["type"] == "event"}
    assert kept["threads"][0]["messages"][0]["text"] == "Where is it?"


def test_pages_follow_each_other(team: Team, door: LocalIngest, ana: Visitor) -> None:
    for number in range(101):
        door.post("/v1/track", {"userId": "ana", "event": f"step {number}"}, key=team.write_key)
    enrich(1000)
    first = ana.request("GET", "me").json()
    second = ana.request("GET", f"me?before={first['next']}").json()
    assert (len(first["timeline"]), len(second["timeline"]), second["next"]) == (100, 1, None)
    assert ana.request("GET", "me?before=x").status_code == 400


def test_one_user_never_reads_of_another(team: Team, door: LocalIngest) -> None:
    """Mallory's own token proves an alias with Ana, by definition. It must not open what is known about Ana."""
    door.post("/v1/identify", {"userId": "ana", "traits": {"iban": "secret"}}, key=team.write_key)
    mallory = Visitor(team, door, token(team, "mallory"))
    headers = {"Firsthand-Identity": mallory.token}
    door.post("/v1/identify", {"userId": "mallory"}, key=team.write_key, headers=headers)
    door.post("/v1/alias", {"userId": "mallory", "previousId": "ana"}, key=team.write_key, headers=headers)
    Visitor(team, door, token(team, "ana")).say("Private.")
    enrich(100)
    kept = mallory.request("GET", "me")
    assert "secret" not in kept.text
    assert "Private" not in kept.text
    assert kept.json()["person"] is None


def test_a_browser_sees_its_own_words(team: Team, door: LocalIngest) -> None:
    browser = Visitor(team, door)
    browser.say("Anonymous.", anonymousId="laptop")
    enrich(100)
    kept = browser.request("GET", "me").json()
    assert (kept["user"], kept["person"]["distinct_ids"]) == (None, ["laptop"])
    assert [each["messages"][0]["text"] for each in kept["threads"]] == ["Anonymous."]


def test_a_browser_that_claims_the_id_of_a_user_sees_nothing_of_them(team: Team, door: LocalIngest) -> None:
    door.post("/v1/identify", {"userId": "ana", "traits": {"iban": "secret"}}, key=team.write_key)
    mallory = Visitor(team, door)
    mallory.say("Hello.", anonymousId="ana")
    enrich(100)
    assert "secret" not in mallory.request("GET", "me").text


def test_she_erases_her_words(team: Team, door: LocalIngest, ana: Visitor) -> None:
    picture = ana.request("POST", f"pictures?kind=snapshot&messageId={uuid.uuid4()}", {"page": 1}).json()[
        "id"
    ]
    thread = ana.say("Erase me.", pictures=[picture])["id"]
    ana.reply(thread, "Erase this.")
    reply_as_team(Comment.objects.get(project=team.id), member=team.bo, text="Erase what, Ana?")
    ask(team.new.project, "ana", member=team.bo, text="Why?")
    Visitor(team, door, token(team, "bo")).say("Keep me.")
    erased = ana.request("DELETE", "me")
    assert erased.status_code == 200
    assert erased.json()["kept"] == ["events", "sessions", "properties"]
    assert [each.text for each in Comment.objects.filter(project=team.id).order_by("pk")] == ["", "Keep me."]
    for model in (Picture, Prompt, VerifiedUser):
        assert not model.objects.filter(project=team.id).exists()
    assert ana.threads() == []


def test_nobody_is_nobody(team: Team, door: LocalIngest) -> None:
    nobody = Visitor(team, door, secret="")
    for method in ("GET", "DELETE"):
        assert nobody.request(method, "me").status_code == 401
        assert nobody.request(method, "me?userId=ana").status_code == 401
