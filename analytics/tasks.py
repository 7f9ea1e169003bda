"""What the worker does and what it is called; config/celery.py says when. The work itself is in the stages.

A task that fails has changed nothing, and the next tick does its work: there are no retries to pile up.
"""

from celery import shared_task
from django.utils.timezone import now

from analytics import pipeline
from analytics.models import Heartbeat
from analytics.rollup import refresh


@shared_task(name="analytics.enrich")  # type: ignore[untyped-decorator]
def enrich() -> None:
    pipeline.enrich_for(seconds=0.9)


@shared_task(name="analytics.load")  # type: ignore[untyped-decorator]
def load() -> None:
    pipeline.load_and_roll_up()


@shared_task(name="analytics.rollup")  # type: ignore[untyped-decorator]
def rollup() -> None:
    refresh.rollup()


@shared_task(name="analytics.maintain")  # type: ignore[untyped-decorator]
def maintain() -> None:
    pipeline.maintain()


@shared_task(name="analytics.heartbeat")  # type: ignore[untyped-decorator]
def heartbeat() -> None:
    Heartbeat.objects.update_or_create(part="worker", defaults={"at": now()})
