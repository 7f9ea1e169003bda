"""Several workers may try; one writes at a time, and nothing is stored twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from analytics.enrich.batches import enrich
from analytics.enrich.enrich_report import EnrichReport
from analytics.models import LedgerEntry, Person, Session
from tests.journey import Journey
from tests.people import Team


def alone() -> EnrichReport:
    try:
        return enrich(7)
    finally:
        connection.close()


def test_while_one_writes_the_others_leave_it_alone(team: Team) -> None:
    Journey(team).track("ana", "signup").send()
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext('firsthand.enrich'))")
                entered.set()
                done.wait(30)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        holding = other.submit(hold)
        entered.wait(30)
        assert enrich() == EnrichReport()
        done.set()
        holding.result()
    assert enrich().stored == 1


def test_workers_at_once_store_each_event_once(team: Team) -> None:
    journey = Journey(team)
    for number in range(60):
        journey.track(f"user-{number % 9}", "did").identify(
            f"user-{number % 9}", device=f"device-{number % 9}"
        )
    journey.send().send_again()
    with ThreadPoolExecutor(4) as workers:
        for _ in range(12):
            list(workers.map(lambda _: alone(), range(4)))
    journey.enriched()
    entries = LedgerEntry.objects.filter(project_id=team.id).exclude(outcome=LedgerEntry.Outcome.UNPROVED)
    counts = dict(entries.values_list("outcome", "count"))
    assert counts == {"received": 240, "stored": 120, "duplicate": 120}


def test_two_batches_never_share_a_transaction(team: Team) -> None:
    """Only COMMIT empties the working tables."""
    Journey(team).track("ana", "signup").send()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        enrich()
    assert enrich().stored == 1


def test_nothing_of_a_batch_is_left_to_the_next_on_the_same_connection(team: Team) -> None:
    journey = Journey(team)
    for name in ("ana", "bo", "cy"):
        journey.track(name, "signup", session=f"{name}'s visit").identify(name, device=f"{name}'s phone")
        assert journey.enriched().stored == 2
    assert Person.objects.filter(project_id=team.id, merged_into=None).count() == 3
    assert set(Session.objects.filter(project_id=team.id).values_list("events", flat=True)) == {2}
