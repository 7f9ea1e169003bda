"""A row committed is a row sent: with its cause or not at all, tried again with growing pauses, kept when it failed."""

import datetime as dt
import uuid

import pytest
from django.core.checks import run_checks
from django.db import transaction
from django.utils.timezone import now
from pytest_django import Settings

from outbox import deliveries, sending
from outbox.deliveries import OutboxError
from outbox.kinds import builder
from outbox.models import Delivery
from projects.models import Project
from tests.outbox.greetings import deliver_due, fresh, make_due, put, worker
from tests.outbox.receiver import receiving
from tests.people import Team

HOUR = dt.timedelta(hours=1)


def of(team: Team) -> list[Delivery]:
    return list(Delivery.objects.filter(project=team.new.project).order_by("id"))


def test_it_works(team: Team) -> None:
    with receiving() as receiver:
        delivery = put(team, receiver.url)
        assert fresh(delivery).state == "waiting"
        deliver_due(team)
    assert receiver.keys == [str(delivery.key)]
    sent = fresh(delivery)
    assert (sent.state, sent.attempts, sent.last_error) == ("sent", 1, "")
    assert sent.finished_at is not None


def test_put_outside_a_transaction_is_refused(team: Team) -> None:
    with pytest.raises(
        OutboxError,
        match=r"'greeting' was queued outside a transaction; wrap it and its cause in transaction.atomic",
    ):
        deliveries.put("greeting", {}, project=team.new.project)
    assert of(team) == []


def test_a_cause_that_rolls_back_sends_nothing(team: Team) -> None:
    with receiving() as receiver:
        with transaction.atomic():
            Project.objects.filter(pk=team.id).update(name="Renamed")
            deliveries.put("greeting", {"url": receiver.url, "to": "Ana"}, project=team.new.project)
            transaction.set_rollback(True)
        deliver_due(team)
    assert of(team) == []
    assert receiver.requests == []


def test_what_is_not_committed_yet_is_not_sent(team: Team) -> None:
    with receiving() as receiver:
        with transaction.atomic():
            delivery = put(team, receiver.url)
            with worker():
                pass
            assert receiver.requests == []
        deliver_due(team)
    assert receiver.keys == [str(delivery.key)]


def test_a_key_is_put_in_once(team: Team) -> None:
    key = uuid.uuid4()
    with transaction.atomic():
        first = deliveries.put("greeting", {"to": "Ana"}, project=team.new.project, key=key)
        again = deliveries.put("greeting", {"to": "Bo"}, project=team.new.project, key=key)
    assert first == again
    assert [delivery.payload for delivery in of(team)] == [{"to": "Ana"}]


def test_a_kind_that_nobody_builds_is_refused(team: Team) -> None:
    with transaction.atomic(), pytest.raises(OutboxError, match="no kind 'fax'; add it to OUTBOX_BUILDERS"):
        deliveries.put("fax", {}, project=team.new.project)


def test_every_kind_has_a_builder(settings: Settings) -> None:
    assert all(callable(builder(kind)) for kind in settings.OUTBOX_BUILDERS)
    settings.OUTBOX_BUILDERS = {"fax": "outbox.fax.send", "year": "tests.clock.D0"}
    assert [
        (problem.id, problem.msg.split(",")[0]) for problem in run_checks() if problem.id == "outbox.E001"
    ] == [
        ("outbox.E001", "OUTBOX_BUILDERS['fax'] is 'outbox.fax.send'"),
        ("outbox.E001", "OUTBOX_BUILDERS['year'] is 'tests.clock.D0'"),
    ]


def test_a_receiver_that_fails_for_an_hour_gets_it_then(team: Team) -> None:
    waited, pauses = dt.timedelta(), []
    with receiving(status=503) as receiver:
        delivery = put(team, receiver.url)
        while waited < HOUR:
            before = now()
            deliver_due(team)
            pauses.append(fresh(delivery).due_at - before)
            waited += pauses[-1]
            assert (fresh(delivery).state, fresh(delivery).last_error) == ("waiting", "HTTP 503")
            make_due(delivery)
        receiver.status = 204
        deliver_due(team)
    assert pauses == sorted(pauses)
    assert pauses[0] < dt.timedelta(seconds=10)
    assert pauses[-1] > HOUR / 2
    assert set(receiver.keys) == {str(delivery.key)}
    assert (fresh(delivery).state, fresh(delivery).attempts) == ("sent", len(receiver.keys))


def test_it_gives_up_after_about_three_days_and_says_why(team: Team) -> None:
    attempts, waited = 0, dt.timedelta()
    with receiving(status=500) as receiver:
        delivery = put(team, receiver.url)
        while fresh(delivery).state == "waiting":
            before = now()
            deliver_due(team)
            attempts += 1
            waited += fresh(delivery).due_at - before
            make_due(delivery)
    assert dt.timedelta(days=3) < waited < dt.timedelta(days=4)
    assert len(receiver.requests) == attempts == len(sending.PAUSES) + 1
    assert (fresh(delivery).state, fresh(delivery).last_error) == ("failed", "HTTP 500")


def test_a_permanent_error_fails_at_once_and_can_be_tried_again(team: Team) -> None:
    with receiving(status=410) as receiver:
        delivery = put(team, receiver.url)
        deliver_due(team)
        assert (fresh(delivery).state, fresh(delivery).last_error) == ("failed", "HTTP 410")
        receiver.status = 204
        assert deliveries.retry(team.new.project, delivery.pk)
        assert not deliveries.retry(team.new.project, delivery.pk)
        deliver_due(team)
    assert receiver.keys == [str(delivery.key)] * 2
    assert fresh(delivery).state == "sent"


def test_what_has_lost_its_cause_is_cancelled(team: Team) -> None:
    with receiving() as receiver:
        delivery = put(team, receiver.url, gone=True)
        deliver_due(team)
    assert receiver.requests == []
    assert (fresh(delivery).state, fresh(delivery).last_error) == ("cancelled", "Nobody is left to greet.")


def test_one_that_cannot_be_built_keeps_nobody_waiting(team: Team) -> None:
    with receiving() as receiver:
        with transaction.atomic():
            broken = deliveries.put("greeting", {"url": receiver.url}, project=team.new.project)
        whole = put(team, receiver.url)
        deliver_due(team)
    assert receiver.keys == [str(whole.key)]
    assert (fresh(broken).state, fresh(broken).last_error) == ("waiting", "Internal error: KeyError")


def test_no_database_connection_is_held_while_it_is_sent(team: Team) -> None:
    with transaction.atomic():
        looked = deliveries.put("look", {}, project=team.new.project)
    deliver_due(team)
    assert fresh(looked).state == "sent", fresh(looked).last_error


def test_finished_ones_are_forgotten_after_thirty_days(team: Team) -> None:
    with receiving() as receiver:
        old, young, waiting = put(team, receiver.url), put(team, receiver.url), put(team, receiver.url)
        Delivery.objects.filter(pk=waiting.pk).update(due_at=now() + HOUR, created_at=now() - 900 * HOUR)
        deliver_due(team)
    Delivery.objects.filter(pk=old.pk).update(finished_at=now() - dt.timedelta(days=30, minutes=1))
    deliveries.prune()
    assert of(team) == [young, waiting]
