"""Events that Firsthand itself records, in the transaction of what they speak of: both are kept or neither."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.db import connection

from analytics.schema import INBOX, names

INSERT = 'INSERT INTO analytics_inbox ("{}") VALUES ({})'.format(  # noqa: S608 (names from schema.py)
    '", "'.join(names(INBOX)), ", ".join(f"%({name})s" for name in names(INBOX))
)

RECEIVED = """
INSERT INTO analytics_ledger (project_id, hour, outcome, reason, count)
VALUES (%(project_id)s, date_trunc('hour', %(received_at)s, 'UTC'), 'received', '', 1)
ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = analytics_ledger.count + 1
"""


def record(  # noqa: PLR0913 (an event has so many sides)
    project_id: int,
    event: str,
    *,
    distinct_id: str,
    message_id: uuid.UUID,
    timestamp: dt.datetime,
    properties: Mapping[str, Any],
    session: str | None = None,
    url: str | None = None,
    user_known: bool = False,
) -> None:
    """Put one event into the inbox on Django's connection, and count it as received.

    Enrich treats it like any other: `message_id` makes it idempotent, `session` is the client's own session id,
    and `user_known` says that `distinct_id` is a user id. `timestamp` must know its time zone; `properties` must
    encode as one JSON object (TypeError otherwise). Durable when the caller's transaction commits.
    """
    row: dict[str, Any] = dict.fromkeys(names(INBOX))
    row |= {"project_id": project_id, "id": message_id, "event": event, "distinct_id": distinct_id}
    row |= {"timestamp": timestamp, "received_at": dt.datetime.now(dt.UTC)}
    row |= {"url": url, "path": urlsplit(url).path or "/" if url else None}
    row |= {"client_session": session, "user_known": int(user_known)}
    row |= {"properties": msgspec.json.encode(dict(properties)).decode()}
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row)
        cursor.execute(RECEIVED, row)
