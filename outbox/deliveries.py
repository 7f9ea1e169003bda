"""The verbs of the outbox: put a delivery in, try a failed one again, forget old ones; and how it stands."""

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
    """A delivery was put in from a place that cannot promise it; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of the whole installation: how many wait and failed, and since when the oldest due one has been due."""

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
    """One delivery, sent after the surrounding transaction commits and not at all if it rolls back.

    A `key` that is already in the outbox gives the delivery that has it. Raises OutboxError outside a transaction
    and for a kind that is not in settings.OUTBOX_BUILDERS.
    """
    if not connection.in_atomic_block:
        raise OutboxError(
            f"outbox: {kind!r} was put in outside a transaction; use transaction.atomic() around it and its cause"
        )
    if kind not in settings.OUTBOX_BUILDERS:
        raise OutboxError(f"outbox: no kind {kind!r}; add it to OUTBOX_BUILDERS in config/settings.py")
    fields = {"kind": kind, "payload": dict(payload), "receiver": receiver, "project": project}
    return Delivery.objects.get_or_create(key=key or uuid.uuid4(), defaults=fields)[0]


def listed(project: Project, state: Delivery.State, *, limit: int) -> list[Delivery]:
    """The newest ones in this state."""
    return list(Delivery.objects.filter(project=project, state=state).order_by("-id")[:limit])


def counts(project: Project) -> dict[str, int]:
    """How many there are in each state."""
    rows = Delivery.objects.filter(project=project).values_list("state").annotate(Count("id"))
    return dict.fromkeys(Delivery.State.values, 0) | dict(rows)


def retry(project: Project, delivery_id: int) -> bool:
    """Start a failed delivery over, with the same key. False when it is not a failed one of this project."""
    failed = Delivery.objects.filter(project=project, pk=delivery_id, state=Delivery.State.FAILED)
    fresh = {"state": Delivery.State.WAITING, "attempts": 0, "due_at": Now(), "finished_at": None}
    return failed.update(**fresh) == 1


def prune() -> int:
    """Delete what was finished more than KEPT ago; how many."""
    return Delivery.objects.filter(finished_at__lt=Now() - KEPT).delete()[0]


def backlog() -> Backlog:
    waiting = Q(state=Delivery.State.WAITING)
    found = Delivery.objects.filter(waiting | Q(state=Delivery.State.FAILED)).aggregate(
        waiting=Count("id", filter=waiting),
        failed=Count("id", filter=~waiting),
        oldest_due=Min("due_at", filter=waiting & Q(due_at__lte=Now())),
    )
    return Backlog(**found)
