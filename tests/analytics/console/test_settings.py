"""Keys, the time zone, and ingestion."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from projects import keys
from projects.models import Key
from tests.analytics.console.conftest import Browser
from tests.analytics.console.pages import Page, visit
from tests.journey import Journey, shared_ingest
from tests.people import Team, assemble


def new_key(page: Page) -> str:
    [code] = [code for code in page.content.all("code") if code.attributes.get("id") == "new-key"]
    return code.text


def test_it_works(ana: Client, team: Team) -> None:
    page = visit(ana, reverse("settings", args=[team.slug]))
    assert page.status == 200
    assert team.write_key in page.content.text
    assert f"fhk_…{team.api_key[-4:]}" in page.content.text


def test_an_api_key_is_shown_once_and_kept_nowhere(ana: Client, team: Team) -> None:
    answer = ana.post(reverse("create-key", args=[team.slug]), {"kind": "api", "name": "nightly export"})
    text = new_key(Page.of(answer, "/"))
    found = keys.find_api_key(text)
    assert found is not None
    assert found.name == "nightly export"
    assert "no-store" in answer.headers["Cache-Control"]
    assert text not in visit(ana, reverse("settings", args=[team.slug])).html
    assert not [s for s in Session.objects.all() if text in str(s.get_decoded())]


def test_a_new_write_key_writes(ana: Client, team: Team) -> None:
    answer = ana.post(reverse("create-key", args=[team.slug]), {"kind": "write"})
    text = new_key(Page.of(answer, "/"))
    sent = shared_ingest().post("/v1/track", {"userId": "mina", "event": "came"}, key=text)
    assert sent.json() == {"success": True}


def test_a_revoked_key_opens_nothing(ana: Client, team: Team) -> None:
    key = Key.objects.get(project=team.new.project, kind=Key.Kind.API)
    answer = ana.post(reverse("revoke-key", args=[team.slug, key.pk]), follow=True)
    assert "Revoked API key" in Page.of(answer, "/").content.text
    assert keys.find_api_key(team.api_key) is None


def test_a_key_of_another_project_is_out_of_reach(ana: Client, team: Team, browser: Browser) -> None:
    other = assemble()
    key = Key.objects.get(project=other.new.project, kind=Key.Kind.API)
    assert ana.post(reverse("revoke-key", args=[team.slug, key.pk])).status_code == 404
    assert keys.find_api_key(other.api_key) is not None


def test_a_key_of_no_kind_is_not_made(ana: Client, team: Team) -> None:
    answer = ana.post(reverse("create-key", args=[team.slug]), {"kind": "master"}, follow=True)
    assert "Choose one of write, api" in Page.of(answer, "/").content.text
    assert Key.objects.filter(project=team.new.project).count() == 2


def test_who_owns_nothing_sees_no_forms(browser: Browser, team: Team) -> None:
    page = visit(browser(team.cy), reverse("settings", args=[team.slug]))
    assert not [form for form in page.content.all("form") if form.all("button")]


def test_the_time_zone_is_changed(ana: Client, team: Team) -> None:
    ana.post(reverse("set-timezone", args=[team.slug]), {"timezone": "Asia/Tokyo"})
    team.new.project.refresh_from_db()
    assert team.new.project.timezone == "Asia/Tokyo"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "x" * 500])
def test_a_time_zone_that_is_none_is_refused_by_name(ana: Client, team: Team, zone: str) -> None:
    answer = ana.post(reverse("set-timezone", args=[team.slug]), {"timezone": zone}, follow=True)
    page = Page.of(answer, "/")
    assert page.status == 200
    [message] = page.content.all("p", "message")
    assert message.text
    team.new.project.refresh_from_db()
    assert team.new.project.timezone == "UTC"


def test_the_ingestion_ledger_adds_up(ana: Client, team: Team) -> None:
    journey = Journey(team).track("mina", "came").track("noor", "came")
    journey.enriched()
    journey.send_again().enriched()
    unnamed = {"type": "track", "event": "came", "properties": {"x": "<b>who</b>?"}}
    shared_ingest().post("/v1/batch", {"batch": [unnamed]}, key=team.write_key)
    page = visit(ana, reverse("ingestion", args=[team.slug]))
    today = page.content.all("table")[0].all("tr")[1]
    day, received, stored, duplicates, refused, why = [cell.text for cell in today.all("td")]
    assert (day, received, stored, duplicates, refused) == ("Today", "5", "2", "2", "1")
    assert why.endswith(" 1")
    assert "<b>who" not in page.html
    assert "<b>who</b>?" in page.content.text


def test_an_empty_ledger_says_so(ana: Client, team: Team) -> None:
    page = visit(ana, reverse("ingestion", args=[team.slug]))
    assert "No events in the last 30 days" in page.content.text
    assert "No warnings" in page.content.text
