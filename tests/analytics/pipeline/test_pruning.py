"""Warnings and marks of replayed spool files are pruned by maintenance."""

from typing import Any

import pytest
from django.db import connection

from analytics import pipeline, pruning
from analytics.models import IngestionWarning
from tests.people import Team, assemble


def warn(team: Team, count: int) -> None:
    IngestionWarning.objects.bulk_create(
        IngestionWarning(project_id=team.id, reason="bot", message=f"number {n}") for n in range(count)
    )


def kept(team: Team) -> list[str]:
    return list(
        IngestionWarning.objects.filter(project_id=team.id).order_by("id").values_list("message", flat=True)
    )


def marks(*names: str) -> set[str]:
    return {
        name
        for (name,) in rows("SELECT name FROM analytics_spool_replayed WHERE name = ANY(%s)", list(names))
    }


def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall()) if cursor.description else []


def test_each_project_keeps_its_newest_warnings(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    other = assemble()
    monkeypatch.setattr(pruning, "WARNINGS", 3)
    warn(team, 5)
    warn(other, 3)
    pipeline.maintain()
    assert kept(team) == ["number 2", "number 3", "number 4"]
    assert len(kept(other)) == 3


def test_marks_of_replayed_spool_files_are_forgotten_after_a_month(team: Team) -> None:
    for name, days in ((f"old-{team.id}", 31), (f"new-{team.id}", 29)):
        rows(
            "INSERT INTO analytics_spool_replayed VALUES (%s, now() - make_interval(days => %s))", name, days
        )
    pruning.prune()
    assert marks(f"old-{team.id}", f"new-{team.id}") == {f"new-{team.id}"}
