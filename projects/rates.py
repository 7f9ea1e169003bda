"""Rate limits of API keys, shared by all processes and machines through PostgreSQL."""

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
    """Count one request of a key. Returns 0 if it is allowed, otherwise the seconds to wait. Rejections do not count.

    A leaky bucket: each request moves `busy_until` ahead by its share of a minute, up to one minute ahead of now.
    A burst of `per_minute` requests is allowed, then `per_minute` per minute.
    """
    cost = MINUTE / per_minute
    # The database's clock: clocks of several web machines differ.
    parameters = {"key": key.pk, "cost": cost, "slack": MINUTE - cost}
    with connection.cursor() as cursor:
        # One statement: with a read and a write, two processes could both take the last slot.
        cursor.execute(TAKE, parameters)
        if cursor.fetchone() is not None:
            return 0.0
        cursor.execute(WAIT, parameters)
        found = cursor.fetchone()
    return max(0.001, float(found[0])) if found else 0.001
