"""Workers side by side, and workers that die: nothing is lost, and what is sent again carries the same key."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from outbox import sending
from outbox.models import Delivery
from tests.outbox.greetings import claim, deliver_due, fresh, make_due, put, worker
from tests.outbox.receiver import receiving
from tests.people import Team

ROOT = Path(__file__).parents[2]
WORKER = """
import django
django.setup()
from django.conf import settings
from tests.outbox.greetings import KINDS
settings.OUTBOX_BUILDERS, settings.WEBHOOK_PRIVATE = KINDS, True
from outbox import sending
sending.deliver()
"""
MARKING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE "outbox_delivery"%'
"""


def start_worker() -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)


def kill_at_the_mark(process: subprocess.Popen[bytes]) -> None:
    """Kill it with its session in the database, which would otherwise finish what it was asked to do."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as looker:
        until = time.monotonic() + 30
        while not (marking := looker.execute(MARKING).fetchone()):
            assert time.monotonic() < until, "no worker came to marking"
            time.sleep(0.02)
        process.kill()
        looker.execute("SELECT pg_terminate_backend(%s, 10000)", marking)


def test_two_workers_at_once_send_each_row_once(team: Team) -> None:
    with receiving() as receiver:
        put_in = [put(team, receiver.url, to=f"Person {n}") for n in range(40)]
        with worker(), worker():
            pass
        deliver_due(team)
    assert sorted(receiver.keys) == sorted(str(delivery.key) for delivery in put_in)


def test_a_delivery_that_is_being_sent_is_nobody_elses(team: Team) -> None:
    with receiving() as receiver:
        delivery = put(team, receiver.url)
        receiver.open.clear()
        with worker():
            receiver.await_request()
            deliver_due(team)
            receiver.open.set()
    assert receiver.keys == [str(delivery.key)]


def test_receivers_that_hang_take_no_more_than_their_slots(team: Team) -> None:
    with receiving() as receiver:
        for n in range(sending.SLOTS + 1):
            put(team, receiver.url, to=f"Person {n}")
        receiver.open.clear()
        with worker(), worker():
            for _ in range(sending.SLOTS):
                receiver.await_request()
            assert sending.deliver() == 0
            receiver.open.set()
        assert len(receiver.requests) == sending.SLOTS + 1


def test_a_first_attempt_goes_before_retries(team: Team) -> None:
    with receiving(status=503) as receiver:
        retried = [put(team, receiver.url, to=f"Person {n}") for n in range(3)]
        deliver_due(team)
        for delivery in retried:
            make_due(delivery)
        first = put(team, receiver.url)
    assert claim(team) == first


def test_killed_while_the_receiver_thinks(team: Team) -> None:
    with receiving() as receiver:
        delivery = put(team, receiver.url)
        receiver.open.clear()
        with start_worker() as process:
            receiver.await_request()
            process.kill()
        receiver.open.set()
        deliver_due(team)
        assert receiver.keys == [str(delivery.key)]
        make_due(delivery)
        deliver_due(team)
    assert receiver.keys == [str(delivery.key)] * 2
    assert (fresh(delivery).state, fresh(delivery).attempts) == ("sent", 2)


def test_killed_between_sending_and_marking(team: Team) -> None:
    """The receiver has answered; the worker waits for the row, which somebody holds, when it is killed."""
    with receiving() as receiver, psycopg.connect(os.environ["DATABASE_URL"]) as holder:
        delivery = put(team, receiver.url)
        receiver.open.clear()
        with start_worker() as process:
            receiver.await_request()
            holder.execute("SELECT id FROM outbox_delivery WHERE id = %s FOR UPDATE", [delivery.pk])
            receiver.open.set()
            kill_at_the_mark(process)
        holder.rollback()
        assert fresh(delivery).state == "waiting"
        make_due(delivery)
        deliver_due(team)
    assert receiver.keys == [str(delivery.key)] * 2
    assert fresh(delivery).state == "sent"


def test_a_worker_that_outlived_its_lease_marks_nothing(team: Team) -> None:
    with receiving(status=503) as receiver:
        put(team, receiver.url)
        slow = claim(team)
        make_due(slow)
        receiver.status = 204
        deliver_due(team)
        receiver.status = 503
        sending.attempt(slow)
    assert Delivery.objects.get(pk=slow.pk).state == "sent"
