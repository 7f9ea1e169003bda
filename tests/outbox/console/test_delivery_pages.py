"""What waits, what went out and what failed, in front of the owner; a failed delivery is sent again by a button."""

import pytest
from django.urls import reverse

from tests.analytics.console.pages import Page, signed_in, visit
from tests.outbox.greetings import deliver_due, fresh, make_due, put
from tests.outbox.receiver import receiving
from tests.people import Team, assemble


def deliveries_page(team: Team) -> Page:
    return visit(signed_in(team.ana), reverse("deliveries", args=[team.slug]))


def test_it_works(team: Team) -> None:
    with receiving() as receiver:
        put(team, receiver.url, to="Bo")
        deliver_due(team)
    page = deliveries_page(team)
    assert page.status == 200
    failed, waiting, sent = (section.text for section in page.content.all("section"))
    assert failed == "Failed 0 Nothing has failed."
    assert waiting == "Waiting 0 Nothing is waiting."
    assert sent.startswith("Sent 1 ")
    assert "Bo greeting · 1 attempt" in sent


def test_a_permanent_error_shows_and_can_be_retried(team: Team) -> None:
    with receiving(status=410) as receiver:
        delivery = put(team, receiver.url)
        deliver_due(team)
        page = deliveries_page(team)
        failed = page.content.all("section")[0]
        assert failed.text.startswith("Failed 1 ")
        assert "Ana greeting · 1 attempt HTTP 410" in failed.text
        receiver.status = 204
        answer = signed_in(team.ana).post(failed.one("form").attributes["action"], follow=True)
        assert "Delivery queued" in Page.of(answer, "/").content.text
        deliver_due(team)
    assert fresh(delivery).state == "sent"
    assert receiver.keys == [str(delivery.key)] * 2


def test_one_that_waits_shows_its_last_error(team: Team) -> None:
    with receiving(status=503) as receiver:
        put(team, receiver.url)
        deliver_due(team)
    waiting = deliveries_page(team).content.all("section")[1]
    assert "Ana greeting · 1 attempt HTTP 503" in waiting.text


def test_what_has_not_failed_is_not_retried(team: Team) -> None:
    with receiving() as receiver:
        delivery = put(team, receiver.url)
        deliver_due(team)
        answer = signed_in(team.ana).post(
            reverse("retry-delivery", args=[team.slug, delivery.pk]), follow=True
        )
        assert "has not failed" in Page.of(answer, "/").content.text
        make_due(delivery)
        deliver_due(team)
    assert len(receiver.requests) == 1


def test_only_the_owner_sees_them(team: Team) -> None:
    other = assemble()
    with receiving(status=410) as receiver:
        delivery = put(team, receiver.url)
        deliver_due(team)
    for user in (team.bo, team.cy, team.dee, other.ana):
        assert signed_in(user).get(reverse("deliveries", args=[team.slug])).status_code == 404
        assert (
            signed_in(user).post(reverse("retry-delivery", args=[team.slug, delivery.pk])).status_code == 404
        )
    signed_in(other.ana).post(reverse("retry-delivery", args=[other.slug, delivery.pk]))
    assert fresh(delivery).state == "failed"


@pytest.mark.parametrize(("who", "tabs"), [("ana", 3), ("bo", 1), ("cy", 0)])
def test_settings_shows_each_member_their_own_pages(team: Team, who: str, tabs: int) -> None:
    page = visit(signed_in(getattr(team, who)), reverse("settings", args=[team.slug]))
    [bar] = [nav for nav in page.content.all("nav", "tabs") if nav.attributes["aria-label"] == "Settings"]
    mine = [tab for tab in bar.all("a") if tab.text in {"Notifications", "Webhooks", "Deliveries"}]
    assert len(mine) == tabs
    assert all(signed_in(getattr(team, who)).get(tab.href).status_code == 200 for tab in mine)
