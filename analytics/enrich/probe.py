"""Finds out whose fault a failure is: stores an ordinary event and rolls back.

If that fails too, the database has a problem, and the rows of the inbox must stay where they are.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from analytics.locks import single_writer

# A new user with a device, a session and a property: it takes a number from every sequence and fills every table.
PROBE = """
INSERT INTO analytics_inbox (project_id, id, event, "timestamp", received_at, distinct_id, url, path, properties,
    link, linked_id, user_known, client_session, user_agent, ip, person_set)
VALUES (%(project)s, %(id)s, '$probe', now(), now(), %(user)s, 'https://probe.invalid/', '/', %(properties)s,
    'identify', %(device)s, 1, %(id)s, 'probe', '192.0.2.1', %(person)s)
RETURNING position
"""

Store = Callable[[CursorWrapper, int], object]


class ProbeFailedError(Exception):
    """Not even an ordinary event can be stored. The message is the database's."""


def run(project: int, store: Store) -> bool:
    """Store an ordinary event of the project, then roll back. Raises ProbeFailedError.

    Returns False when another process enriches, so that nothing is known.
    """
    try:
        with (
            transaction.atomic(durable=True),
            single_writer("enrich") as alone,
            connection.cursor() as cursor,
        ):
            if alone:
                store(cursor, _insert(cursor, project))
            transaction.set_rollback(True)
            return alone
    except Exception as error:
        raise ProbeFailedError(str(error)) from error


def _insert(cursor: CursorWrapper, project: int) -> int:
    id, person = uuid.uuid4(), {"probe": True}
    names: dict[str, Any] = {
        "project": project,
        "id": str(id),
        "user": f"probe user {id}",
        "device": f"probe device {id}",
        "person": _json(person),
        "properties": _json({"$set": person}),
    }
    cursor.execute(PROBE, names)
    return int(cursor.fetchone()[0])


def _json(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values).decode()
