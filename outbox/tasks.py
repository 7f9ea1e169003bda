"""What the worker does and what it is called; config/celery.py says when.

A tick that is lost costs nothing: the rows are in the table, and the next tick finds them.
"""

from celery import shared_task

from outbox import deliveries, sending


@shared_task(name="outbox.deliver")  # type: ignore[untyped-decorator]
def deliver() -> None:
    sending.deliver()


@shared_task(name="outbox.prune")  # type: ignore[untyped-decorator]
def prune() -> None:
    deliveries.prune()
