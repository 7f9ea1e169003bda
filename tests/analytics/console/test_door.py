"""Who may open which page: members look, owners change, everybody else finds nothing there."""

from http import HTTPStatus

import pytest
from django.test import Client
from django.urls import reverse
from django_htmx.http import HTMX_STOP_POLLING

from analytics.insights.registry import KINDS
from analytics.models import Person
from projects.models import Key
from tests import clock, people
from tests.analytics.console.conftest import Browser
from tests.journey import Journey
from tests.people import Team

PAGES = ["start", "waiting", "people", "settings", "ingestion"]
PERSON_PAGES = ["person", "person-news"]
OWNER_FORMS = {"create-key": {"kind": "api"}, "set-timezone": {"timezone": "Asia/Tokyo"}}


@pytest.fixture
def mina(team: Team) -> int:
    Journey(team).identify("mina", at=clock.day(0)).enriched()
    return Person.objects.get(project=team.new.project).pk


@pytest.mark.parametrize("page", PAGES)
def test_it_works_for_everyone_in_the_project(page: str, browser: Browser, team: Team, mina: int) -> None:
    for member in (team.ana, team.bo, team.cy):
        answer = browser(member).get(reverse(page, args=[team.slug]))
        assert answer.status_code in {HTTPStatus.OK, HTMX_STOP_POLLING, HTTPStatus.FOUND}


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_finds_nothing(page: str, browser: Browser, team: Team) -> None:
    assert browser(team.dee).get(reverse(page, args=[team.slug])).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_whoever_is_not_signed_in_is_sent_to_sign_in(page: str, client: Client, team: Team) -> None:
    answer = client.get(reverse(page, args=[team.slug]))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("page", ["insight", "insight-beside"])
def test_every_insight_is_for_everyone_in_the_project_and_nobody_else(
    page: str, kind: str, browser: Browser, client: Client, team: Team, mina: int
) -> None:
    address = reverse(page, args=[team.slug, kind])
    for member in (team.ana, team.bo, team.cy):
        assert browser(member).get(address).status_code == 200
    assert browser(team.dee).get(address).status_code == 404
    assert client.get(address).status_code == 302


def test_an_unknown_kind_of_insight_is_not_found(ana: Client, team: Team) -> None:
    assert ana.get(reverse("insight", args=[team.slug, "horoscope"])).status_code == 404
    assert ana.get(reverse("insight-people", args=[team.slug, "horoscope"])).status_code == 404


@pytest.mark.parametrize("page", PERSON_PAGES)
def test_a_person_is_seen_in_their_project_only(page: str, browser: Browser, team: Team, mina: int) -> None:
    other = people.assemble()
    assert browser(team.cy).get(reverse(page, args=[team.slug, mina])).status_code == 200
    assert browser(team.dee).get(reverse(page, args=[team.slug, mina])).status_code == 404
    assert browser(other.ana).get(reverse(page, args=[other.slug, mina])).status_code == 404


@pytest.mark.parametrize("kind", ["retention", "trends"])
def test_the_people_behind_a_figure_are_kept_from_strangers(kind: str, browser: Browser, team: Team) -> None:
    address = reverse("insight-people", args=[team.slug, kind])
    figure = {
        "cohort": "2020-06-08",
        "offset": "0",
        "start": "2020-06-10",
        "from": "2020-06-10",
        "to": "2020-06-10",
    }
    if kind == "retention":
        del figure["start"]
    assert browser(team.cy).get(address, figure).status_code == 200
    assert browser(team.dee).get(address, figure).status_code == 404


@pytest.mark.parametrize("form", OWNER_FORMS)
def test_only_an_owner_may_change_settings(form: str, browser: Browser, team: Team) -> None:
    address, entries = reverse(form, args=[team.slug]), OWNER_FORMS[form]
    for other in (team.bo, team.cy, team.dee):
        assert browser(other).post(address, entries).status_code == 404
    assert Key.objects.filter(project=team.new.project).count() == 2
    team.new.project.refresh_from_db()
    assert team.new.project.timezone == "UTC"


def test_only_an_owner_may_revoke_a_key(browser: Browser, team: Team) -> None:
    key = Key.objects.get(project=team.new.project, kind=Key.Kind.WRITE)
    address = reverse("revoke-key", args=[team.slug, key.pk])
    assert browser(team.bo).post(address).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_form_from_another_site_is_refused(team: Team) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(team.ana)
    assert strict.post(reverse("create-key", args=[team.slug]), {"kind": "api"}).status_code == 403


def test_pages_may_load_our_own_files_only(ana: Client, team: Team) -> None:
    answer = ana.get(reverse("people", args=[team.slug]))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    html = answer.content.decode()
    assert "http://" not in html.replace('xmlns="http://', "")
    assert "https://" not in html
    assert " style=" not in html
    assert "<style" not in html
