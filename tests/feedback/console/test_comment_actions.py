"""What members do with a comment in the inbox: its status, its end. Viewers look on."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from feedback.comments import edit_comment
from feedback.models import Comment
from tests import clock
from tests.analytics.console.pages import Node, Page, signed_in, visit
from tests.feedback.saying import say
from tests.people import Team, assemble


@pytest.fixture
def said(team: Team) -> Comment:
    return say(team, "mina", "Where is it?", reaction="confusing")


def inbox(team: Team, user: User, query: str = "") -> Page:
    return visit(signed_in(user), f"/projects/{team.slug}/inbox/{query}")


def press(page: Page, user: User, label: str) -> str:
    """Press the button of this name; where it led to. As without JavaScript: a form and nothing else."""
    [form] = [
        form for form in page.content.all("form") if label in [button.text for button in form.all("button")]
    ]
    [button] = [button for button in form.all("button") if button.text == label]
    named = {button.attributes["name"]: button.attributes["value"]} if "name" in button.attributes else {}
    answer = signed_in(user).post(form.attributes["action"], named)
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def comment_on(page: Page) -> Node:
    return page.content.one("li", "comment")


def test_a_member_gives_it_a_status(team: Team, said: Comment) -> None:
    for label in ("Open", "Promised", "Done", "Declined", "New"):
        led_to = press(inbox(team, team.bo), team.bo, label)
        assert led_to == f"/projects/{team.slug}/inbox/#{said.receipt}"
        assert comment_on(inbox(team, team.bo)).all("summary")[0].text == label
        assert Comment.objects.get(pk=said.pk).status == label.lower()


def test_a_member_deletes_it(team: Team, said: Comment) -> None:
    say(team, "noor", "Something else.")
    led_to = press(inbox(team, team.bo, "?reaction=confusing"), team.bo, "Delete comment")
    assert led_to == f"/projects/{team.slug}/inbox/?reaction=confusing"
    shown = inbox(team, team.bo)
    assert "Where is it?" not in shown.html
    assert said.receipt not in shown.html
    assert "All 1" in shown.content.text
    assert "Something else." in comment_on(shown).text


def test_edited_it_says_so(team: Team, said: Comment) -> None:
    assert "Edited" not in comment_on(inbox(team, team.bo)).text
    edit_comment(said, text="There it is.")
    assert "Edited" in comment_on(inbox(team, team.bo)).text


def test_a_viewer_sees_its_status_and_no_button(team: Team, said: Comment) -> None:
    shown = comment_on(inbox(team, team.cy))
    assert shown.one("span", "status-new").text == "New"
    assert shown.all("form") == shown.all("button") == []


@pytest.mark.parametrize(("action", "sent"), [("status", {"status": "done"}), ("delete", {})])
def test_only_members_may(team: Team, said: Comment, action: str, sent: dict[str, str]) -> None:
    """A viewer and a stranger get what they would get for a comment that does not exist."""
    address = f"/projects/{team.slug}/inbox/{said.receipt}/{action}/"
    for user in (team.cy, team.dee):
        assert signed_in(user).post(address, sent).status_code == 404
    assert Client().post(address, sent).status_code == 302
    assert signed_in(team.bo).get(address).status_code == 405
    kept = Comment.objects.get(pk=said.pk)
    assert (kept.status, kept.deleted_at) == ("new", None)
    assert signed_in(team.bo).post(address, sent).status_code == 302


@pytest.mark.parametrize("action", ["status", "delete"])
def test_it_needs_its_token(team: Team, said: Comment, action: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(team.bo)
    answer = browser.post(f"/projects/{team.slug}/inbox/{said.receipt}/{action}/", {"status": "done"})
    assert answer.status_code == 403


def test_another_project_s_comment_is_out_of_reach(team: Team, said: Comment) -> None:
    neighbours = assemble()
    for receipt in (said.receipt, "FH-00000", "%00"):
        address = f"/projects/{neighbours.slug}/inbox/{receipt}/delete/"
        assert signed_in(neighbours.ana).post(address).status_code == 404
    assert Comment.objects.get(pk=said.pk).deleted_at is None


def test_a_status_that_there_is_not(team: Team, said: Comment) -> None:
    browser = signed_in(team.bo)
    for wrong in ({}, {"status": "later"}):
        browser.post(f"/projects/{team.slug}/inbox/{said.receipt}/status/", wrong)
        shown = visit(browser, f"/projects/{team.slug}/inbox/").content.text
        assert "Status not changed: choose one of new, open, promised, done, declined." in shown
    assert Comment.objects.get(pk=said.pk).status == "new"


def test_one_s_place_in_the_list_is_kept(team: Team) -> None:
    for number in range(35):
        say(team, "mina", f"thought {number}", reaction="useful", at=clock.day(number))
    older = inbox(team, team.bo, "?reaction=useful").link("Older")
    page = visit(signed_in(team.bo), older)
    form = page.content.all("form")[0]
    answer = signed_in(team.bo).post(form.attributes["action"], {"status": "done"})
    assert answer["Location"].split("#")[0] == older
