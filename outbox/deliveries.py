"""Queueing, listing, retrying and pruning deliveries."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.db.models.functions import Now

from outbox.models import Delivery
from projects.models import Project

KEPT = dt.timedelta(days=30)
OVERDUE = dt.timedelta(minutes=5)


class OutboxError(Exception):
    """A delivery was queued outside a transaction, or its kind is unknown."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of the whole installation: deliveries that wait or failed, and when the oldest due one became due."""

    waiting: int
    failed: int
    oldest_due: dt.datetime | None


def put(
    kind: str,
    payload: Mapping[str, Any],
    *,
    receiver: str = "",
    project: Project | None = None,
    key: uuid.UUID | None = None,
) -> Delivery:
    """Queue a delivery. It is sent after the surrounding transaction commits, and not if it rolls back.

    A `key` that is already in the outbox returns the existing delivery. Raises OutboxError outside a transaction
    and for a kind that is not in settings.OUTBOX_BUILDERS.
    """
    if not connection.in_atomic_block:
        raise OutboxError(
            f"outbox: {kind!r} was queued outside a transaction; wrap it and its cause in transaction.atomic()"
        )
    # Here the cause can still roll back. In the worker, the delivery could only fail.
    if kind not in settings.OUTBOX_BUILDERS:
        raise OutboxError(f"outbox: no kind {kind!r}; add it to OUTBOX_BUILDERS in config/settings.py")
    fields = {"kind": kind, "payload": dict(payload), "receiver": receiver, "project": project}
    return Delivery.objects.get_or_create(key=key or uuid.uuid4(), defaults=fields)[0]


def listed(project: Project, state: Delivery.State, *, limit: int) -> list[Delivery]:
    """The newest deliveries in this state."""
    return list(Delivery.objects.filter(project=project, state=state).order_by("-id")[:limit])


def counts(project: Project) -> dict[str, int]:
    """Number of deliveries by state."""
    rows = Delivery.objects.filter(project=project).values_list("state").annotate(Count("id"))
    return dict.fromkeys(Delivery.State.values, 0) | dict(rows)


def retry(project: Project, delivery_id: int) -> bool:
    """Queue a failed delivery again, with the same key. False if the project has no such failed delivery."""
    failed = Delivery.objects.filter(project=project, pk=delivery_id, state=Delivery.State.FAILED)
    # Attempts from 0: with the old number, one more error would end it without the usual pauses.
    fresh = {"state": Delivery.State.WAITING, "attempts": 0, "due_at": Now(), "finished_at": None}
    # The filter includes the state, so of two clicks only one queues it.
    return failed.update(**fresh) == 1


def prune() -> int:
    """Delete deliveries finished more than KEPT ago. Returns their number."""
    return Delivery.objects.filter(finished_at__lt=Now() - KEPT).delete()[0]


def backlog() -> Backlog:
    waiting = Q(state=Delivery.State.WAITING)
    found = Delivery.objects.filter(waiting | Q(state=Delivery.State.FAILED)).aggregate(
        waiting=Count("id", filter=waiting),
        failed=Count("id", filter=~waiting),
        oldest_due=Min("due_at", filter=waiting & Q(due_at__lte=Now())),
    )
    return Backlog(**found)
