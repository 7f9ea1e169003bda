"""The worker's tasks. config/celery.py schedules them; the work itself is in the pipeline's stages.

A failed task has changed nothing, and the next scheduled run does its work. So no retries pile up.
"""

from celery import shared_task
from django.utils.timezone import now

from analytics import pipeline
from analytics.models import Heartbeat
from analytics.rollup import refresh


@shared_task(name="analytics.enrich")
def enrich() -> None:
    # Less than the schedule's second: with a backlog, runs would otherwise overlap and take more threads.
    pipeline.enrich_for(seconds=0.9)


@shared_task(name="analytics.load")
def load() -> None:
    pipeline.load_and_roll_up()


@shared_task(name="analytics.rollup")
def rollup() -> None:
    refresh.rollup()


@shared_task(name="analytics.maintain")
def maintain() -> None:
    pipeline.maintain()


@shared_task(name="analytics.heartbeat")
def heartbeat() -> None:
    Heartbeat.objects.update_or_create(part="worker", defaults={"at": now()})
