"""LocalIngest: a batch in, rows out."""

from django.db import connection

from analytics.ingest.local import LocalIngest
from tests.people import Team


def test_a_batch_is_in_the_inbox_when_it_is_answered(team: Team) -> None:
    batch = [{"type": "track", "userId": "ana", "event": f"step {n}"} for n in range(3)]
    with LocalIngest() as ingest:
        answer = ingest.post("/v1/batch", {"batch": batch}, key=team.write_key)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT event FROM analytics_inbox WHERE project_id = %s ORDER BY position", [team.id]
            )
            assert [event for (event,) in cursor.fetchall()] == ["step 0", "step 1", "step 2"]
