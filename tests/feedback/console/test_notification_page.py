"""Each member says where they get mail, and whether about comments."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from projects import access
from tests.analytics.console.pages import Page, signed_in, visit
from tests.people import Team


def save(team: Team, user: User, **entered: str) -> Page:
    address = reverse("notifications", args=[team.slug])
    return Page.of(signed_in(user).post(address, entered, follow=True), "/")


def subscribers(team: Team) -> list[User]:
    return list(access.comment_subscribers(team.new.project))


def test_it_works(team: Team) -> None:
    page = visit(signed_in(team.bo), reverse("notifications", args=[team.slug]))
    assert f"Email me about new comments in {team.new.project.name}" in page.content.text
    assert (
        "Notifications saved"
        in save(team, team.bo, email="bo@shop.example", notify_comments="on").content.text
    )
    assert [user.email for user in subscribers(team)] == ["bo@shop.example"]


def test_it_is_turned_off(team: Team) -> None:
    save(team, team.bo, email="bo@shop.example", notify_comments="on")
    save(team, team.bo, email="bo@shop.example")
    assert subscribers(team) == []


def test_mail_needs_an_address(team: Team) -> None:
    page = save(team, team.bo, email="", notify_comments="on")
    assert page.status == 422
    assert "Enter an email address" in page.content.one("span", "problem").text


@pytest.mark.parametrize(
    "email", ["bo", "bo@shop.example\nBcc: dee@stranger.example", f"{'b' * 60}@{'o.' * 99}example"]
)
def test_what_is_no_address_is_refused(team: Team, email: str) -> None:
    page = save(team, team.bo, email=email, notify_comments="on")
    assert page.status == 422
    assert subscribers(team) == []


def test_viewers_and_strangers_have_no_such_page(team: Team) -> None:
    for user in (team.cy, team.dee):
        assert signed_in(user).get(reverse("notifications", args=[team.slug])).status_code == 404
