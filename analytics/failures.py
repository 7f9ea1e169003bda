"""What stages could not process, by project: shown by doctor and on the Health page until it works again."""

import datetime as dt
from typing import Any

from django.db import connection
from django.utils.timezone import now

from analytics.models import Stage, StageFailure

MAX_MESSAGE = 500
NEVER = 1_000_000_000

RECORD = """
INSERT INTO analytics_stage_failure AS known (stage, project_id, failures, stopped, message, since, at)
VALUES (%(stage)s, %(project)s, 1, %(stop_after)s <= 1, %(message)s, now(), now())
ON CONFLICT (stage, project_id) DO UPDATE SET
    failures = known.failures + 1, stopped = known.failures + 1 >= %(stop_after)s,
    message = excluded.message, at = excluded.at
"""


def record(stage: Stage, project: int, error: Exception, *, stop_after: int = NEVER) -> None:
    """Count a failure. The project is stopped at the `stop_after`th one in succession."""
    names: dict[str, Any] = {
        "stage": stage,
        "project": project,
        "stop_after": stop_after,
        "message": summary(error),
    }
    with connection.cursor() as cursor:
        cursor.execute(RECORD, names)


def known(stage: Stage) -> dict[int, StageFailure]:
    """By project."""
    return {each.project_id: each for each in StageFailure.objects.filter(stage=stage)}


def resume(stage: Stage, project: int) -> None:
    """Process a stopped project again. Its failure stays on record until some of its events succeed."""
    StageFailure.objects.filter(stage=stage, project_id=project, stopped=True).update(
        stopped=False, failures=0
    )


def clear(stage: Stage, project: int | None = None) -> None:
    """Forget the failures of one project, or of all."""
    found = StageFailure.objects.filter(stage=stage)
    (found if project is None else found.filter(project_id=project)).delete()


def is_due(failure: StageFailure, seconds: float) -> bool:
    """Whether a project should be tried again."""
    return now() - failure.at >= dt.timedelta(seconds=seconds)


def summary(error: Exception) -> str:
    """The first line of an error: PostgreSQL's other lines may repeat values of the event."""
    lines = str(error).splitlines()
    return (lines[0] if lines and lines[0] else type(error).__name__)[:MAX_MESSAGE]
