"""The worker's tasks. config/celery.py schedules them; the work itself is in the pipeline's stages.

A failed task has changed nothing, and the next scheduled run does its work. So no retries pile up.
"""

from celery import shared_task
from django.db import connection
from django.utils.timezone import now

from analytics import pipeline
from analytics.models import Heartbeat
from analytics.rollup import refresh
from config.home import priority


@shared_task(name="analytics.enrich")
def enrich() -> None:
    # Longer than the schedule's second: a backlog would otherwise rest after each batch until the next tick.
    pipeline.enrich_for(seconds=30)


@shared_task(name="analytics.load")
def load() -> None:
    _yield_cpu()
    pipeline.load_and_roll_up()


@shared_task(name="analytics.rollup")
def rollup() -> None:
    _yield_cpu()
    refresh.rollup()


@shared_task(name="analytics.maintain")
def maintain() -> None:
    _yield_cpu()
    pipeline.maintain()


@shared_task(name="analytics.heartbeat")
def heartbeat() -> None:
    Heartbeat.objects.update_or_create(part="worker", defaults={"at": now()})


def _yield_cpu() -> None:
    """Not for enrich: somebody may wait for an event on a timeline."""
    connection.ensure_connection()
    priority.yield_backend(connection.connection.info.backend_pid)
