"""Stores events directly, as enrich would: for tests of load, engine and rollup."""

import datetime as dt
import itertools
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from analytics.models import IdentityLink, Person, Redirect
from projects.models import Project

STORED_ON = dt.date(2026, 1, 1)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of one person, or of nobody (None)."""

    person: int | None
    event: str
    at: dt.datetime
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    properties: dict[str, Any] = field(default_factory=dict)


def person(project: Project, name: str, first_seen: dt.datetime) -> int:
    return Person.objects.create(project=project, name=name, first_seen=first_seen, last_seen=first_seen).pk


def store(project: Project, events: Iterable[Happened]) -> int:
    """Stores the events. Returns how many."""
    rows = [
        (project.pk, e.id, e.event, e.at, f"id-{e.person}", e.person, json.dumps(e.properties))
        for e in events
    ]
    with connection.cursor() as cursor:
        _partition(cursor)
        cursor.executemany(
            """
            INSERT INTO analytics_event (stored_on, sequence, project_id, id, event, "timestamp", received_at,
                                         distinct_id, person_id, properties)
            VALUES ('2026-01-01', nextval('analytics_event_sequence'), %s, %s, %s, %s, now(), %s, %s, %s)
            """,
            rows,
        )
    return len(rows)


def _partition(cursor: Any) -> None:
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS analytics_event_20260101 PARTITION OF analytics_event"
        " FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')"
    )


def merge(project: Project, gone: int, kept: int, at: dt.datetime) -> int:
    """Merges `gone` into `kept` with flat redirects. Returns the link's id."""
    link = IdentityLink.objects.create(
        project=project, cause="by hand", linked_id=f"id-{gone}", distinct_id=f"id-{kept}",
        person_id=kept, other_id=gone, happened_at=at,
    )  # fmt: skip
    moved = {gone, *(each for each, target in _now(project).items() if target == gone)}
    Redirect.objects.bulk_create(
        Redirect(project=project, person_id=p, target_id=kept, link=link) for p in moved
    )
    return link.pk


def _now(project: Project) -> dict[int, int]:
    """The current person of each, by their newest redirect."""
    rows = Redirect.objects.filter(project=project).order_by("link_id")
    return dict(rows.values_list("person_id", "target_id"))


def undo(project: Project, gone: int, at: dt.datetime) -> int:
    """Undoes a merge. Returns the link's id."""
    link = IdentityLink.objects.create(
        project=project, cause="undo", linked_id=f"id-{gone}", distinct_id=f"id-{gone}", person_id=gone,
        happened_at=at,
    )  # fmt: skip
    Redirect.objects.create(project=project, person_id=gone, target_id=gone, link=link)
    return link.pk
