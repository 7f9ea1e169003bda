"""One question for one person, over all their browsers."""

import datetime as dt
import uuid

import pytest
import time_machine
from django.utils.timezone import now

from analytics.enrich.batches import enrich
from analytics.ingest.local import LocalIngest
from feedback.models import Prompt
from feedback.prompts import MAX_OPEN, PAUSE, PromptError, ask
from tests.feedback.embed.visiting import Visitor, token
from tests.feedback.inbox_rows import waiting
from tests.people import Team


@pytest.fixture
def ana(team: Team, door: LocalIngest) -> Visitor:
    return Visitor(team, door, token(team, "ana"))


def question(visitor: Visitor) -> dict[str, object] | None:
    response = visitor.request("GET", "prompts")
    assert response.status_code == 200, response.text
    found: dict[str, object] | None = response.json()["prompt"]
    return found


def test_ana_is_asked_and_answers(team: Team, door: LocalIngest, ana: Visitor) -> None:
    prompt = ask(team.new.project, "ana", member=team.bo, text="Did the export work?", choices=["Yes", "No"])
    shown = {"id": prompt.pk, "text": "Did the export work?", "choices": ["Yes", "No"]}
    assert question(Visitor(team, door, token(team, "bo"))) is None
    assert question(ana) == shown
    phone = Visitor(team, door, token(team, "ana"))
    assert question(phone) == shown, "the same one, until it is answered"
    body = {"messageId": str(uuid.uuid4()), "answer": "No", "text": "It hangs."}
    path = f"prompts/{prompt.pk}/answer"
    assert [ana.request("POST", path, body).status_code for _ in range(3)] == [200] * 3
    prompt.refresh_from_db()
    assert (prompt.answer, prompt.answer_text, prompt.verified) == ("No", "It hangs.", True)
    again = phone.request("POST", path, {"messageId": str(uuid.uuid4()), "answer": "Yes"})
    assert again.status_code == 409
    assert question(phone) is None
    [event] = waiting(team.id)
    assert (event["event"], "hangs" in str(event)) == ("$answer", False)


def test_dismissed_on_one_browser_it_is_gone_on_all(team: Team, door: LocalIngest, ana: Visitor) -> None:
    prompt = ask(team.new.project, "ana", member=team.bo, text="Why?")
    question(ana)
    assert ana.request("POST", f"prompts/{prompt.pk}/dismiss", {}).status_code == 200
    assert question(Visitor(team, door, token(team, "ana"))) is None


def test_nobody_is_asked_twice_a_day(team: Team, ana: Visitor) -> None:
    first, second = (ask(team.new.project, "ana", member=team.bo, text=text) for text in ("One?", "Two?"))
    question(ana)
    ana.request("POST", f"prompts/{first.pk}/dismiss", {})
    assert question(ana) is None
    Prompt.objects.filter(pk=first.pk).update(shown_at=now() - PAUSE - dt.timedelta(seconds=1))
    found = question(ana)
    assert found is not None
    assert found["id"] == second.pk


def test_a_question_expires(team: Team, ana: Visitor) -> None:
    ask(team.new.project, "ana", member=team.bo, text="Today?", expires_at=now() + dt.timedelta(minutes=5))
    with time_machine.travel(now() + dt.timedelta(minutes=6)):
        assert question(ana) is None


def test_it_follows_the_person_not_the_id(team: Team, door: LocalIngest, ana: Visitor) -> None:
    call = {"userId": "ana", "anonymousId": "laptop"}
    door.post("/v1/identify", call, key=team.write_key, headers={"Firsthand-Identity": ana.token})
    enrich(100)
    ask(team.new.project, "laptop", member=team.bo, text="Is it you?")
    assert question(ana) is not None


def test_others_can_neither_answer_nor_dismiss(team: Team, door: LocalIngest, ana: Visitor) -> None:
    prompt = ask(team.new.project, "ana", member=team.bo, text="Ana?")
    question(ana)
    mallory = Visitor(team, door, token(team, "mallory"))
    answer = {"messageId": str(uuid.uuid4()), "answer": "Me."}
    assert mallory.request("POST", f"prompts/{prompt.pk}/answer", answer).status_code == 404
    assert mallory.request("POST", f"prompts/{prompt.pk}/dismiss", {}).status_code == 404
    for number in ("0", "x", "9" * 30, "٣"):
        assert ana.request("POST", f"prompts/{number}/dismiss", {}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"answer": "Maybe"}, 409), ({"answer": "x" * 20_001}, 400), ({"answer": 5}, 400)],
)
def test_an_answer_is_checked(team: Team, ana: Visitor, body: dict[str, object], status: int) -> None:
    prompt = ask(team.new.project, "ana", member=team.bo, text="Yes?", choices=["Yes", "No"])
    question(ana)
    assert ana.request("POST", f"prompts/{prompt.pk}/answer", body).status_code == status


def test_what_cannot_be_asked(team: Team) -> None:
    for text, choices in (("", []), ("x" * 501, []), ("Why?", [""]), ("Why?", ["a"] * 11)):
        with pytest.raises(PromptError):
            ask(team.new.project, "ana", member=team.bo, text=text, choices=choices)
    for _ in range(MAX_OPEN):
        ask(team.new.project, "ana", member=team.bo, text="Why?")
    with pytest.raises(PromptError, match=f"{MAX_OPEN} open"):
        ask(team.new.project, "ana", member=team.bo, text="Why?")
