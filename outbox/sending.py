"""Sending what is due: claim one delivery, build its message, send it, mark it; then the next.

A worker that is killed between sending and marking leaves the delivery leased. When the lease ends it is sent again,
with the same key.
"""

import datetime as dt
import logging
import random
import threading
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from outbox.kinds import builder
from outbox.messages import Cancelled, DeliveryError
from outbox.models import Delivery

logger = logging.getLogger(__name__)

CLAIM = Path(__file__).with_name("claim.sql").read_text(encoding="utf-8")
LEASE = dt.timedelta(minutes=2)
"""Longer than any attempt takes: transports give up after 10 s."""

FIRST_PAUSES = (5, 30, 2 * 60, 10 * 60, 30 * 60, 60 * 60, 2 * 60 * 60)
PAUSES = FIRST_PAUSES + 23 * (3 * 60 * 60,)
"""Seconds between attempts, about three days in all. After the last one the delivery has failed."""

SLOTS = 2
_slots = threading.BoundedSemaphore(SLOTS)


def deliver(limit: int = 100) -> int:
    """Send up to `limit` due deliveries, one after another. Returns the number of attempts.

    At most SLOTS calls run in one process. Others return at once: receivers that hang would otherwise take every
    thread of the worker, and enrich and load would wait for them.
    """
    if not _slots.acquire(blocking=False):
        return 0
    try:
        attempts = 0
        while attempts < limit and (delivery := claim()):
            attempt(delivery)
            attempts += 1
        return attempts
    finally:
        _slots.release()


def claim() -> Delivery | None:
    """A due delivery, leased to the caller. None if there is none."""
    # In autocommit: the lease must be committed before the attempt, or a crash would forget it.
    return next(iter(Delivery.objects.raw(CLAIM, {"lease": LEASE})), None)


def attempt(delivery: Delivery) -> None:
    try:
        message = builder(delivery.kind)(delivery)
        # Back to the pool before the network: receivers that hang would otherwise use up the connections.
        connection.close()
        message.send(delivery.key)
    except Cancelled as reason:
        _finish(delivery, Delivery.State.CANCELLED, last_error=str(reason))
    except DeliveryError as error:
        _reschedule(delivery, str(error), permanent=error.permanent)
    except Exception as error:
        # A delivery that cannot be built must not block those behind it.
        logger.exception("delivery %s of kind %s", delivery.key, delivery.kind)
        # Not the error's text: it could quote a person's words.
        _reschedule(delivery, f"Internal error: {type(error).__name__}")
    else:
        _finish(delivery, Delivery.State.SENT, last_error="")


def _reschedule(delivery: Delivery, error: str, *, permanent: bool = False) -> None:
    if permanent or delivery.attempts > len(PAUSES):
        logger.warning("delivery %s of kind %s failed: %s", delivery.key, delivery.kind, error)
        _finish(delivery, Delivery.State.FAILED, last_error=error)
        return
    # Jitter: after an outage of a receiver, all its retries would otherwise arrive at the same moment.
    pause = PAUSES[delivery.attempts - 1] * random.uniform(1, 1.2)  # noqa: S311
    # The database's clock, as in claim.sql: those of several workers differ.
    _mark(delivery, due_at=Now() + dt.timedelta(seconds=pause), last_error=error)


def _finish(delivery: Delivery, state: Delivery.State, *, last_error: str) -> None:
    _mark(delivery, state=state, finished_at=Now(), last_error=last_error)


def _mark(delivery: Delivery, **fields: Any) -> None:
    # A worker that outlived its lease must not undo what the next one has marked.
    mine = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.WAITING, attempts=delivery.attempts)
    mine.update(**fields)
