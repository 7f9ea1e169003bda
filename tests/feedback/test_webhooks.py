"""Adding, testing and disabling webhooks."""

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook as Verifier

from feedback import webhooks
from feedback.webhooks import WebhookError
from outbox.models import Delivery
from tests.outbox.greetings import deliver_due
from tests.outbox.receiver import receiving
from tests.people import Team, assemble

URL = "https://hooks.shop.example/comments"


def test_it_works(team: Team) -> None:
    webhook = webhooks.add(team.new.project, URL)
    assert list(webhooks.live(team.new.project)) == [webhook]
    assert webhook.secret.startswith("whsec_")
    assert webhook.secret != webhooks.add(team.new.project, f"{URL}/2").secret


@pytest.mark.parametrize(
    "url",
    ["", "hooks.shop.example", "javascript:alert(1)", "https://ana:pw@shop.example/", URL + "x" * 2_000],
)
def test_what_is_no_address_is_refused(team: Team, url: str) -> None:
    with pytest.raises(WebhookError):
        webhooks.add(team.new.project, url)


def test_the_same_address_is_added_once(team: Team) -> None:
    webhook = webhooks.add(team.new.project, URL)
    with pytest.raises(WebhookError, match="already exists"):
        webhooks.add(team.new.project, URL)
    webhooks.disable(team.new.project, webhook.pk)
    webhooks.add(team.new.project, URL)


def test_a_project_has_a_limited_number(team: Team) -> None:
    for n in range(webhooks.LIMIT):
        webhooks.add(team.new.project, f"{URL}/{n}")
    with pytest.raises(WebhookError, match="at most 20 webhooks"):
        webhooks.add(team.new.project, URL)


def test_a_test_event_is_signed_like_any_other(team: Team, settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE = True
    with receiving() as receiver:
        webhook = webhooks.add(team.new.project, receiver.url)
        assert webhooks.send_test(team.new.project, webhook.pk)
        deliver_due(team)
    [request] = receiver.requests
    event = Verifier(webhook.secret).verify(request.body, request.headers)
    assert (event["type"], event["data"]) == ("webhook.test", {"webhook": webhook.pk})


def test_webhooks_of_another_project_are_out_of_reach(team: Team) -> None:
    webhook = webhooks.add(team.new.project, URL)
    other = assemble().new.project
    assert not webhooks.disable(other, webhook.pk)
    assert not webhooks.send_test(other, webhook.pk)
    assert list(webhooks.live(team.new.project)) == [webhook]
    assert not Delivery.objects.filter(project=other).exists()
