"""Celery tasks of the outbox; config/celery.py schedules them.

A lost task is harmless: the next one finds the same rows in the table.
"""

from celery import shared_task

from outbox import deliveries, sending


@shared_task(name="outbox.deliver")
def deliver() -> None:
    sending.deliver()


@shared_task(name="outbox.prune")
def prune() -> None:
    deliveries.prune()
