"""A kind of delivery as small as can be: a webhook whose payload says where it goes."""

import datetime as dt
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from django.db import connection, transaction
from django.utils.timezone import now

from feedback.models import new_secret
from outbox import deliveries, sending
from outbox.messages import Cancelled, DeliveryError
from outbox.models import Delivery
from outbox.webhook import WebhookPost
from tests.people import Team

KINDS = {"greeting": "tests.outbox.greetings.greeting", "look": "tests.outbox.greetings.look"}
SECRET = new_secret()


def greeting(delivery: Delivery) -> WebhookPost:
    if delivery.payload.get("gone"):
        raise Cancelled("Nobody is left to greet.")
    return WebhookPost(
        delivery.payload["url"], SECRET, msgspec.json.encode({"hello": delivery.payload["to"]})
    )


class Look:
    """Is accepted only while this thread holds no connection to the database."""

    def send(self, key: uuid.UUID) -> None:
        if connection.connection is not None:
            raise DeliveryError("a connection is held", permanent=True)


def look(delivery: Delivery) -> Look:
    return Look()


def put(team: Team, url: str, to: str = "Ana", **more: Any) -> Delivery:
    payload: Mapping[str, Any] = {"url": url, "to": to, **more}
    with transaction.atomic():
        return deliveries.put("greeting", payload, receiver=to, project=team.new.project)


def deliver_due(team: Team) -> None:
    """What the worker's ticks do until nothing of this project is due."""
    due = Delivery.objects.filter(project=team.new.project, state=Delivery.State.WAITING)
    while due.filter(due_at__lte=now()).exists():
        sending.deliver(10)


@contextmanager
def worker() -> Iterator[None]:
    """A worker's thread that delivers what is due; at the end it has done so."""

    def work() -> None:
        try:
            sending.deliver()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)
        assert not thread.is_alive()


def claim(team: Team) -> Delivery:
    """The project's next delivery, claimed; those of other tests that come before it are claimed along the way."""
    while claimed := sending.claim():
        if claimed.project == team.new.project:
            return claimed
    raise AssertionError("nothing of this project is due")


def make_due(delivery: Delivery) -> None:
    """As if the pause, or the lease, were over."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=now() - dt.timedelta(seconds=1))


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)
