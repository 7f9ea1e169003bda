"""Celery tasks of feedback; config/celery.py schedules them."""

from celery import shared_task

from feedback import pictures


@shared_task(name="feedback.prune")
def prune() -> None:
    pictures.prune()
