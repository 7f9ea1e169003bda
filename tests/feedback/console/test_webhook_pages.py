"""The owner adds a webhook, tries it and disables it."""

import pytest
from django.urls import reverse
from pytest_django import Settings

from feedback import webhooks
from feedback.models import Webhook
from tests.analytics.console.pages import Page, signed_in, visit
from tests.outbox.greetings import deliver_due
from tests.outbox.receiver import receiving
from tests.people import Team

URL = "https://hooks.shop.example/comments"


def webhooks_page(team: Team) -> Page:
    return visit(signed_in(team.ana), reverse("webhooks", args=[team.slug]))


def add(team: Team, url: str) -> Page:
    answer = signed_in(team.ana).post(reverse("webhooks", args=[team.slug]), {"url": url}, follow=True)
    return Page.of(answer, "/")


def test_it_works(team: Team) -> None:
    assert "No webhooks" in webhooks_page(team).content.text
    page = add(team, URL)
    assert "Webhook added" in page.content.text
    [webhook] = webhooks.live(team.new.project)
    assert URL in page.content.text
    assert webhook.secret in page.content.text


@pytest.mark.parametrize("url", ["", "shop.example", "javascript:alert(1)"])
def test_what_is_no_address_is_named(team: Team, url: str) -> None:
    page = add(team, url)
    assert page.status == 422
    assert "must start with https:// or http://" in page.content.one("span", "problem").text
    assert not Webhook.objects.filter(project=team.new.project).exists()


def test_a_test_event_is_sent(team: Team, settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE = True
    with receiving() as receiver:
        add(team, receiver.url)
        [webhook] = webhooks.live(team.new.project)
        address = reverse("test-webhook", args=[team.slug, webhook.pk])
        answer = signed_in(team.ana).post(address, follow=True)
        assert "Test event queued" in Page.of(answer, "/").content.text
        deliver_due(team)
    assert receiver.requests[0].json["type"] == "webhook.test"


def test_a_disabled_one_shows_no_secret(team: Team) -> None:
    webhook = webhooks.add(team.new.project, URL)
    answer = signed_in(team.ana).post(reverse("disable-webhook", args=[team.slug, webhook.pk]), follow=True)
    page = Page.of(answer, "/")
    assert "Webhook disabled" in page.content.text
    assert webhook.secret not in page.html
    assert not webhooks.live(team.new.project).exists()
    assert signed_in(team.ana).post(reverse("test-webhook", args=[team.slug, webhook.pk])).status_code == 404


def test_only_the_owner_gets_in(team: Team) -> None:
    webhook = webhooks.add(team.new.project, URL)
    for user in (team.bo, team.cy, team.dee):
        browser = signed_in(user)
        assert browser.get(reverse("webhooks", args=[team.slug])).status_code == 404
        assert browser.post(reverse("webhooks", args=[team.slug]), {"url": f"{URL}/2"}).status_code == 404
        for action in ("test-webhook", "disable-webhook"):
            assert browser.post(reverse(action, args=[team.slug, webhook.pk])).status_code == 404
    assert list(webhooks.live(team.new.project)) == [webhook]


def test_secrets_are_not_kept_by_browsers(team: Team) -> None:
    webhooks.add(team.new.project, URL)
    answer = signed_in(team.ana).get(reverse("webhooks", args=[team.slug]))
    assert "no-store" in answer.headers["Cache-Control"]
