"""Rate limits counted in PostgreSQL, for all processes and machines together."""

from django.db import connection

MINUTE = 60.0

# The database's clock, because those of several web machines differ. Not now(), which stays at the start of a
# transaction.
TAKE = """
INSERT INTO projects_rate AS rate (bucket, busy_until)
VALUES (%(bucket)s, statement_timestamp() + make_interval(secs => %(cost)s))
ON CONFLICT (bucket) DO UPDATE
SET busy_until = greatest(rate.busy_until, statement_timestamp()) + make_interval(secs => %(cost)s)
WHERE rate.busy_until <= statement_timestamp() + make_interval(secs => %(slack)s)
RETURNING true
"""

WAIT = """
SELECT extract(epoch FROM busy_until - statement_timestamp()) - %(slack)s
FROM projects_rate
WHERE bucket = %(bucket)s
"""


def take(bucket: str, per_minute: int) -> float:
    """Count one request in a bucket, such as `key 7`. Returns 0 if it is allowed, otherwise the seconds to wait.

    A leaky bucket: each request moves `busy_until` ahead by its share of a minute, up to one minute ahead of now.
    A burst of `per_minute` requests is allowed, then `per_minute` per minute. Rejected requests are not counted.
    """
    cost = MINUTE / per_minute
    asked: dict[str, str | float] = {"bucket": bucket, "cost": cost, "slack": MINUTE - cost}
    with connection.cursor() as cursor:
        # One statement: with a read and a write, two processes could both take the last slot.
        cursor.execute(TAKE, asked)
        if cursor.fetchone() is not None:
            return 0.0
        cursor.execute(WAIT, asked)
        found = cursor.fetchone()
    # Never 0, which means allowed: the slot may have become free between the two statements.
    return max(0.001, float(found[0])) if found else 0.001


def prune() -> None:
    """Delete buckets that are empty again. Otherwise the table would grow by every address that ever sent something."""
    with connection.cursor() as cursor:
        # A missing bucket counts as an empty one, so a take() at the same moment loses nothing.
        cursor.execute("DELETE FROM projects_rate WHERE busy_until < statement_timestamp()")
