"""Rate limits counted in PostgreSQL, for all processes and machines together."""

from django.db import connection

MINUTE = 60.0

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
    """Count one request in a bucket, such as `key 7`: 0 if it may go on, else the seconds to wait.

    A leaky bucket: each request keeps the bucket busy for its share of a minute, and a whole minute may lie ahead. So
    `per_minute` requests may come at once, and from then on as many a minute. A rejected request is not counted. The
    clock is the database's.
    """
    cost = MINUTE / per_minute
    asked: dict[str, str | float] = {"bucket": bucket, "cost": cost, "slack": MINUTE - cost}
    with connection.cursor() as cursor:
        # One statement, so that two processes never both take the last place.
        cursor.execute(TAKE, asked)
        if cursor.fetchone() is not None:
            return 0.0
        cursor.execute(WAIT, asked)
        found = cursor.fetchone()
    return max(0.001, float(found[0])) if found else 0.001


def prune() -> None:
    """Delete buckets that are empty again. Otherwise the table would grow by every address that ever sent something."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM projects_rate WHERE busy_until < statement_timestamp()")
