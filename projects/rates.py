"""How many requests a key may make, counted in PostgreSQL for all processes and machines together."""

from django.db import connection

from projects.models import Key

MINUTE = 60.0

TAKE = """
INSERT INTO projects_key_rate AS rate (key_id, busy_until)
VALUES (%(key)s, statement_timestamp() + make_interval(secs => %(cost)s))
ON CONFLICT (key_id) DO UPDATE
SET busy_until = greatest(rate.busy_until, statement_timestamp()) + make_interval(secs => %(cost)s)
WHERE rate.busy_until <= statement_timestamp() + make_interval(secs => %(slack)s)
RETURNING true
"""

WAIT = """
SELECT extract(epoch FROM busy_until - statement_timestamp()) - %(slack)s
FROM projects_key_rate
WHERE key_id = %(key)s
"""


def take(key: Key, per_minute: int) -> float:
    """Count one request of a key: 0 if it may go on, else the seconds to wait; it is not counted then.

    A leaky bucket: each request keeps the key busy for its share of a minute, and a whole minute may lie ahead. So
    `per_minute` requests may come at once, and from then on as many a minute. The clock is the database's.
    """
    cost = MINUTE / per_minute
    asked = {"key": key.pk, "cost": cost, "slack": MINUTE - cost}
    with connection.cursor() as cursor:
        # One statement, so that two processes never both take the last place.
        cursor.execute(TAKE, asked)
        if cursor.fetchone() is not None:
            return 0.0
        cursor.execute(WAIT, asked)
        found = cursor.fetchone()
    return max(0.001, float(found[0])) if found else 0.001
