"""A harness to send requests to ingest and read what it stores."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db import connection

from analytics.ingest.local import LocalIngest
from tests.people import Team


@dataclass(frozen=True)
class Harness:
    """Sends requests for one project, and reads its rows from the database."""

    ingest: LocalIngest
    team: Team

    def batch(self, *calls: object, **around: Any) -> httpx.Response:
        """Send a Segment batch of calls."""
        return self.ingest.post("/v1/batch", {"batch": list(calls), **around}, key=self.team.write_key)

    def capture(self, *events: object, path: str = "/batch/", **around: Any) -> httpx.Response:
        """Send a PostHog batch of events."""
        return self.ingest.post(path, {"api_key": self.team.write_key, "batch": list(events), **around})

    def inbox(self) -> list[dict[str, Any]]:
        return rows("SELECT * FROM analytics_inbox WHERE project_id = %s ORDER BY position", self.team.id)

    def only(self) -> dict[str, Any]:
        (row,) = self.inbox()
        return row

    def ledger(self, project_id: int | None = None) -> dict[str, int]:
        """Counts by outcome, and by reason for refused events."""
        return ledger(self.team.id if project_id is None else project_id)

    def warnings(self) -> list[dict[str, Any]]:
        return rows(
            "SELECT * FROM analytics_warning WHERE project_id = %s AND NOT starts_with(reason, 'identity_')"
            " ORDER BY id",
            self.team.id,
        )


def rows(query: str, *values: int | str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def ledger(project_id: int) -> dict[str, int]:
    """What Firsthand records itself is counted when it is enriched; what waits for that is `recorded` here.

    Without user ids that nothing proved: they are kept, and most tests send some.
    """
    found = rows(
        "SELECT concat_ws(' ', outcome, nullif(reason, '')) AS what, sum(count)::int AS count "
        "FROM analytics_ledger WHERE project_id = %s AND outcome <> 'unproved' GROUP BY 1 "
        "UNION ALL SELECT 'recorded', count(*)::int FROM analytics_inbox WHERE project_id = %s AND recorded "
        "HAVING count(*) > 0 ORDER BY 1",
        project_id,
        project_id,
    )
    return {row["what"]: row["count"] for row in found}


@pytest.fixture
def harness(ingest: LocalIngest, team: Team) -> Harness:
    return Harness(ingest, team)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for this test alone, so that no other ingest replays its spool."""
    monkeypatch.setenv("FIRSTHAND_HOME", str(tmp_path))
    return tmp_path
