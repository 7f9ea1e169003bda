"""Health checks: /healthz for the process, /readyz for the installation."""

import datetime as dt
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection as django_connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, URLResolver, path
from psycopg_pool import ConnectionPool, PoolTimeout

from analytics.lake import object_store

MAX_HEARTBEAT_AGE = dt.timedelta(seconds=30)
CONNECT_SECONDS = 1


class NotReadyError(Exception):
    """A part is not working. The message says what was found and where to look."""


def _connect() -> psycopg.Connection[tuple[object, ...]]:
    # Not from the pool, where the check would hang with the database.
    return psycopg.connect(settings.DATABASE_URL, connect_timeout=CONNECT_SECONDS, autocommit=True)


def database() -> str:
    try:
        with _connect() as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise NotReadyError(f"cannot connect: {str(error).strip()}") from error
    _check_pool()
    return "ok"


def pool() -> ConnectionPool[Any]:
    """The database connections of this process's pages."""
    found: ConnectionPool[Any] = django_connection.pool  # type: ignore[attr-defined] # PostgreSQL's wrapper has it
    return found


def _check_pool() -> None:
    """Pages take their connections from the pool: while it is empty, this process is not ready."""
    pages = pool()
    pages.open()
    try:
        with pages.connection(timeout=CONNECT_SECONDS):
            pass
    except PoolTimeout as error:
        message = f"all {pages.max_size} connections of this process are in use; pages wait for one"
        raise NotReadyError(message) from error


def lake() -> str:
    """A local lake must be a writable folder, and a remote one must respond."""
    if object_store.remote():
        return _object_store()
    folder = Path(settings.LAKE_URL)
    # Not an error: the first load creates it.
    if not folder.exists():
        return "empty"
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise NotReadyError(f"{folder} is not a writable folder")
    return "ok"


def _object_store() -> str:
    try:
        object_store.reach()
    except object_store.LakeUnreachableError as error:
        raise NotReadyError(str(error)) from error
    return settings.LAKE_URL


def worker() -> str:
    """The age of the worker's newest heartbeat, as "3 s"."""
    try:
        with _connect() as connection:
            row = connection.execute("SELECT now() - max(at) FROM analytics_heartbeat").fetchone()
    except psycopg.Error as error:
        raise NotReadyError("unknown, because the database is unreachable") from error
    age = row[0] if row else None
    if not isinstance(age, dt.timedelta):
        raise NotReadyError("no heartbeat yet; is the worker running?")
    if age > MAX_HEARTBEAT_AGE:
        raise NotReadyError(
            f"last heartbeat {age.total_seconds():.0f} s ago; see logs/worker.log in the home"
        )
    return f"{age.total_seconds():.0f} s"


def stage(name: str) -> str:
    """The age of the oldest event that waits for a stage of the pipeline, as "3 s"."""
    # Only here: the lake's libraries would slow down every start, which checks the lake's folder.
    from analytics import lag

    age = _lag(name)
    if age is None:
        return "nothing waits"
    if age > lag.MAX_LAG[name]:
        raise NotReadyError(
            f"the oldest unprocessed event has waited for {age.total_seconds():.0f} s; see manage.py doctor and"
            " logs/worker.log in the home"
        )
    return f"the oldest unprocessed event has waited for {max(age.total_seconds(), 0):.0f} s"


def _lag(name: str) -> dt.timedelta | None:
    from analytics import lag
    from analytics.lake import table

    try:
        with _connect() as connection:
            since = lag.waiting_since(name, connection.cursor())
    except psycopg.Error as error:
        raise NotReadyError("unknown, because the database is unreachable") from error
    except (OSError, table.LakeError) as error:
        raise NotReadyError("unknown, because the lake cannot be read") from error
    return dt.datetime.now(dt.UTC) - since if since else None


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "lake": lake,
    "worker": worker,
    "enrich": partial(stage, "enrich"),
    "load": partial(stage, "load"),
    "rollup": partial(stage, "rollup"),
}


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if every part works, else 503. The body is `{"ready", "parts": {name: {"ready", "detail"}}}`."""
    parts = check_all()
    ready = all(part["ready"] for part in parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def check_all() -> dict[str, dict[str, object]]:
    first = {name: _run_check(CHECKS[name]) for name in ("database", "lake")}
    # Each would wait for a database that hangs, and the caller for all of them.
    rest = CHECKS if first["database"]["ready"] else dict.fromkeys(CHECKS, _database_down)
    return first | {name: _run_check(check) for name, check in rest.items() if name not in first}


def _database_down() -> str:
    raise NotReadyError("unknown, because the database is unreachable")


def _run_check(check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"ready": True, "detail": check()}
    except NotReadyError as error:
        return {"ready": False, "detail": str(error)}


urlpatterns: list[URLPattern | URLResolver] = [path("healthz", healthz), path("readyz", readyz)]
