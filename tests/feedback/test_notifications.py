"""Who hears of a new comment: webhooks and members, of this project, with the words as they are when it goes out."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import transaction
from django.utils.timezone import now
from pytest_django import Settings
from standardwebhooks import Webhook as Verifier

from feedback import webhooks
from feedback.comments import delete_comment
from feedback.models import Comment
from outbox import sending
from outbox.models import Delivery
from projects.models import Membership
from tests.feedback.saying import say
from tests.outbox.receiver import Receiver, receiving
from tests.people import Team, assemble


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE = True
    settings.SITE_URL = "https://firsthand.example"
    with receiving() as receiver:
        yield receiver


def with_address(user: User) -> User:
    user.email = f"{user.username}@shop.example"
    user.save()
    return user


def deliver(team: Team) -> list[Delivery]:
    """All that is due is sent; the project's deliveries, in order."""
    mine = Delivery.objects.filter(project=team.new.project)
    while mine.filter(state="waiting", due_at__lte=now()).exists():
        sending.deliver(10)
    return list(mine.order_by("id"))


def mails_to(user: User) -> list[mail.EmailMessage]:
    return [sent for sent in mail.outbox if sent.to == [user.email]]


def test_a_webhook_hears_of_a_comment(team: Team, receiver: Receiver) -> None:
    webhook = webhooks.add(team.new.project, receiver.url)
    comment = say(
        team, "mina", "Where did my note go?", reaction="confusing", url="https://shop.example/write"
    )
    [delivery] = deliver(team)
    [request] = receiver.requests
    event = Verifier(webhook.secret).verify(request.body, request.headers)
    assert request.key == str(delivery.key)
    assert (event["type"], event["project"]) == ("comment.created", team.slug)
    assert dt.datetime.fromisoformat(event["timestamp"]) == comment.created_at
    assert event["data"] == {
        "id": str(comment.message_id),
        "receipt": comment.receipt,
        "reaction": "confusing",
        "text": "Where did my note go?",
        "status": "new",
        "url": "https://shop.example/write",
        "distinct_id": "mina",
        "created_at": event["timestamp"],
        "verified": False,
    }


def test_a_repeated_comment_is_announced_once(team: Team, receiver: Receiver) -> None:
    webhooks.add(team.new.project, receiver.url)
    comment = say(team, "mina", "Hello?")
    say(team, "mina", "Hello?", id=comment.message_id)
    assert len(deliver(team)) == len(receiver.requests) == 1


def test_a_comment_that_is_not_kept_is_not_announced(team: Team, receiver: Receiver) -> None:
    webhooks.add(team.new.project, receiver.url)
    with_address(team.ana)
    with transaction.atomic():
        say(team, "mina", "Hello?")
        transaction.set_rollback(True)
    assert deliver(team) == []
    assert receiver.requests == []


def test_the_outbox_holds_no_words(team: Team, receiver: Receiver) -> None:
    webhooks.add(team.new.project, receiver.url)
    with_address(team.ana)
    say(team, "mina", "My secret is Rosebud")
    assert "Rosebud" not in str(list(Delivery.objects.filter(project=team.new.project).values()))


def test_a_comment_is_sent_as_it_is_by_then(team: Team, receiver: Receiver) -> None:
    webhooks.add(team.new.project, receiver.url)
    comment = say(team, "mina", "Where is my note?")
    Comment.objects.filter(pk=comment.pk).update(text="Found it.")
    deliver(team)
    assert receiver.requests[0].json["data"]["text"] == "Found it."


def test_a_comment_that_is_gone_by_then_is_not_sent(team: Team, receiver: Receiver) -> None:
    webhooks.add(team.new.project, receiver.url)
    with_address(team.ana)
    delete_comment(say(team, "mina", "Never mind"))
    assert [(each.state, each.last_error) for each in deliver(team)] == [
        ("cancelled", "The comment was deleted."),
        ("cancelled", "The comment was deleted."),
    ]
    assert receiver.requests == []
    assert mails_to(team.ana) == []


def test_a_disabled_webhook_hears_nothing_more(team: Team, receiver: Receiver) -> None:
    webhook = webhooks.add(team.new.project, receiver.url)
    say(team, "mina", "Just before")
    assert webhooks.disable(team.new.project, webhook.pk)
    say(team, "mina", "Just after")
    [delivery] = deliver(team)
    assert (delivery.state, delivery.last_error) == ("cancelled", "The webhook was disabled.")
    assert receiver.requests == []


def test_other_projects_hear_nothing(team: Team, receiver: Receiver) -> None:
    other = assemble()
    webhooks.add(other.new.project, receiver.url)
    with_address(other.ana)
    say(team, "mina", "Hello?")
    assert deliver(team) == []
    assert Delivery.objects.filter(project=other.new.project).count() == 0


def test_a_member_gets_a_mail(team: Team, receiver: Receiver) -> None:
    ana = with_address(team.ana)
    comment = say(team, "mina", "Where did my note go?", reaction="confusing")
    [delivery] = deliver(team)
    [sent] = mails_to(ana)
    assert sent.subject == f"[{team.new.project.name}] Confusing from mina ({comment.receipt})"
    assert "Where did my note go?" in sent.body
    assert f"https://firsthand.example/projects/{team.slug}/inbox/#{comment.receipt}" in sent.body
    assert f"https://firsthand.example/projects/{team.slug}/settings/notifications/" in sent.body
    assert str(delivery.key) in sent.extra_headers["Message-ID"]


def test_only_members_who_want_to_hear_get_one(team: Team, receiver: Receiver) -> None:
    for user in (team.ana, team.bo, team.cy, team.dee):
        with_address(user)
    Membership.objects.filter(project=team.new.project, user=team.bo).update(notify_comments=False)
    say(team, "mina", "Hello?")
    deliver(team)
    assert [len(mails_to(user)) for user in (team.ana, team.bo, team.cy, team.dee)] == [1, 0, 0, 0]


def test_who_has_left_by_then_gets_none(team: Team, receiver: Receiver) -> None:
    ana = with_address(team.ana)
    say(team, "mina", "Hello?")
    Membership.objects.filter(project=team.new.project, user=ana).delete()
    [delivery] = deliver(team)
    assert delivery.state == "cancelled"
    assert mails_to(ana) == []
