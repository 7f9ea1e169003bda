"""Signing in: one-time links, passwords for those who have one, and out again."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import override_settings

from projects import sign_in
from projects.models import SignInLink
from projects.password_attempts import ACCOUNT_PER_MINUTE, ADDRESS_PER_MINUTE
from tests.people import Team


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=False)


def signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_it_works(team: Team, browser: Client) -> None:
    link = sign_in.path(sign_in.create_link(team.ana))
    assert "This link works once" in browser.get(link).content.decode()
    answer = browser.post(link)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert browser.get("/")["Location"] == f"/projects/{team.slug}/"


def test_looking_at_a_link_does_not_use_it_up(team: Team, browser: Client) -> None:
    link = sign_in.path(sign_in.create_link(team.ana))
    for _ in range(3):
        assert browser.get(link).status_code == 200
    assert not signed_in(browser)
    browser.post(link)
    assert signed_in(browser)


def test_a_link_works_once(team: Team, browser: Client) -> None:
    link = sign_in.path(sign_in.create_link(team.ana))
    browser.post(link)
    stranger = Client()
    for answer in (stranger.get(link), stranger.post(link)):
        assert answer.status_code == 410
        assert "manage.py signin" in answer.content.decode()
    assert not signed_in(stranger)


def test_of_many_who_redeem_at_once_one_gets_in(team: Team) -> None:
    token = sign_in.create_link(team.ana)

    def redeem(_: int) -> User | None:
        try:
            return sign_in.redeem(token)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as crowd:
        got_in = [user for user in crowd.map(redeem, range(8)) if user]
    assert got_in == [team.ana]


def test_a_link_is_over_after_fifteen_minutes(team: Team, browser: Client) -> None:
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=15, seconds=1), tick=False):
        old = sign_in.create_link(team.ana)
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=14), tick=False):
        fresh = sign_in.create_link(team.ana)
    assert browser.post(sign_in.path(old)).status_code == 410
    assert browser.post(sign_in.path(fresh)).status_code == 302


def test_a_link_of_somebody_who_was_locked_out_is_dead(team: Team, browser: Client) -> None:
    link = sign_in.path(sign_in.create_link(team.bo))
    User.objects.filter(pk=team.bo.pk).update(is_active=False)
    assert browser.get(link).status_code == 410
    assert browser.post(link).status_code == 410


@pytest.mark.parametrize("token", ["x", "%00", "../admin", "'; DROP TABLE auth_user; --", "ü" * 300])
def test_a_link_that_never_was_is_dead(browser: Client, token: str) -> None:
    assert browser.post(f"/sign-in/{token}/").status_code in {404, 410}


def test_the_database_does_not_know_the_token(team: Team) -> None:
    token = sign_in.create_link(team.ana)
    kept = SignInLink.objects.filter(user=team.ana).get()
    assert token not in str(kept.__dict__)


def test_old_links_do_not_pile_up(team: Team) -> None:
    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(days=2), tick=False):
        sign_in.create_link(team.ana)
    sign_in.create_link(team.ana)
    assert SignInLink.objects.filter(user=team.ana).count() == 1


def test_a_password_works_too(team: Team, browser: Client) -> None:
    team.ana.set_password("correct horse")
    team.ana.save()
    wrong = browser.post("/sign-in/", {"username": team.ana.username, "password": "battery staple"})
    assert wrong.status_code == 422
    assert not signed_in(browser)
    right = browser.post("/sign-in/", {"username": team.ana.username, "password": "correct horse"})
    assert right["Location"] == "/"


def give_password(user: User) -> None:
    user.set_password("correct horse")
    user.save()


def attempts(guess: Callable[[int], HttpResponse]) -> int:
    """How many wrong passwords are answered before the first 429. More become allowed while they are checked."""
    for number in range(200):
        if (status := guess(number).status_code) == 429:
            return number
        assert status == 422
    raise AssertionError("200 guesses were checked")


@pytest.fixture(autouse=True)
def quick_hashing() -> Iterator[None]:
    """Hashing as slow as it should be takes longer than a minute for the guesses of these tests."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


def test_while_nobody_has_a_password_there_is_no_form(team: Team, browser: Client) -> None:
    User.objects.update(password="!")
    page = browser.get("/sign-in/").content.decode()
    assert 'name="password"' not in page
    assert "manage.py changepassword" in page
    entered = {"username": team.ana.username, "password": ""}
    assert browser.post("/sign-in/", entered).status_code == 405
    give_password(team.bo)
    assert 'name="password"' in browser.get("/sign-in/").content.decode()
    User.objects.filter(pk=team.bo.pk).update(is_active=False)
    assert 'name="password"' not in browser.get("/sign-in/").content.decode()


def test_an_address_may_guess_so_often(team: Team, browser: Client) -> None:
    give_password(team.ana)
    address = f"2001:db8:{team.id:x}::"

    def guess(username: str, last: str) -> HttpResponse:
        entered = {"username": username, "password": "battery staple"}
        return cast("HttpResponse", browser.post("/sign-in/", entered, REMOTE_ADDR=address + last))

    # One network of IPv6 is one address, and accounts that do not exist count too.
    assert attempts(lambda n: guess(f"{team.slug} {n}", f"{n:x}")) >= ADDRESS_PER_MINUTE
    refused = guess(team.ana.username, "1")
    assert 0 < int(refused["Retry-After"]) <= 3
    assert "Too many attempts" in refused.content.decode()
    entered = {"username": team.ana.username, "password": "correct horse"}
    assert browser.post("/sign-in/", entered, REMOTE_ADDR=f"198.51.100.{team.id % 250}").status_code == 302


def test_an_account_is_guessed_so_often_from_all_addresses_together(team: Team, browser: Client) -> None:
    give_password(team.ana)
    names = [team.ana.username, team.ana.username.upper()]

    def guess(number: int) -> HttpResponse:
        entered = {"username": names[number % 2], "password": "battery staple"}
        address = f"2001:db8:{team.id:x}:{number + 1:x}::1"
        return cast("HttpResponse", browser.post("/sign-in/", entered, REMOTE_ADDR=address))

    assert attempts(guess) >= ACCOUNT_PER_MINUTE
    link = sign_in.path(sign_in.create_link(team.ana))
    assert browser.post(link).status_code == 302, "a link still works"


def test_the_admin_has_no_password_form_of_its_own(browser: Client) -> None:
    for answer in (browser.get("/admin/login/?next=/admin/"), browser.post("/admin/login/?next=/admin/")):
        assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/admin/")


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/projects/", "/projects/"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_after_the_password_one_lands_where_one_wanted_but_never_elsewhere(
    team: Team, browser: Client, wanted: str, goes_to: str
) -> None:
    team.ana.set_password("correct horse")
    team.ana.save()
    entered = {"username": team.ana.username, "password": "correct horse", "next": wanted}
    assert browser.post("/sign-in/", entered)["Location"] == goes_to


@pytest.mark.parametrize("path", ["/", "/projects/"])
def test_strangers_are_asked_to_sign_in(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=")
    assert "manage.py signin" in browser.get("/sign-in/").content.decode()


def test_signing_out_takes_a_post(team: Team, browser: Client) -> None:
    browser.force_login(team.ana)
    assert browser.get("/sign-out/").status_code == 405
    assert signed_in(browser)
    assert browser.post("/sign-out/")["Location"] == "/sign-in/"
    assert not signed_in(browser)


def test_another_site_cannot_post_for_us(team: Team) -> None:
    browser = Client(enforce_csrf_checks=True)
    link = sign_in.path(sign_in.create_link(team.ana))
    assert browser.post(link).status_code == 403
    assert sign_in.is_live(link.split("/")[2])
