"""A database that is away: it lets nobody in, and who was inside is out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg import sql


@contextmanager
def database_away() -> Iterator[None]:
    """For this process's Django connections; the pool gives up after a moment instead of its ten seconds."""
    connection = _connection()
    pool: dict[str, Any] = connection.settings_dict["OPTIONS"]["pool"]
    patient = pool["timeout"]
    connection.close()
    connection.close_pool()
    with psycopg.connect(settings.DATABASE_URL, dbname="postgres", autocommit=True) as owner:
        try:
            _let_in(owner, connection, "false")
            pool["timeout"] = 0.3
            yield
        finally:
            _let_in(owner, connection, "true")
            pool["timeout"] = patient
            connection.close()
            connection.close_pool()


def _connection() -> DatabaseWrapper:
    connection = connections["default"]
    assert isinstance(connection, DatabaseWrapper)
    return connection


def _let_in(owner: psycopg.Connection, connection: DatabaseWrapper, whether: str) -> None:
    database = sql.Identifier(str(connection.settings_dict["NAME"]))
    owner.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(database, sql.SQL(whether)))
