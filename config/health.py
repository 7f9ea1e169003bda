"""Whether the process lives (/healthz) and whether the installation works (/readyz)."""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import psycopg
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, URLResolver, path

from analytics.lake import object_store

OLDEST_HEARTBEAT = dt.timedelta(seconds=30)
CONNECT_SECONDS = 2


class NotReadyError(Exception):
    """A part does not do its work; the message says what was seen and where to look."""


def _connect() -> psycopg.Connection[tuple[object, ...]]:
    # Not from the pool: its users would wait there for as long as the database is away.
    return psycopg.connect(settings.DATABASE_URL, connect_timeout=CONNECT_SECONDS, autocommit=True)


def database() -> str:
    try:
        with _connect() as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise NotReadyError(f"no connection: {str(error).strip()}") from error
    return "ok"


def lake() -> str:
    """A lake in the home must be a folder that can be written; one at an address must answer."""
    if object_store.remote():
        return _answers()
    folder = Path(settings.LAKE_URL)
    if not folder.exists():
        return "empty"
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise NotReadyError(f"{folder} cannot be used: it is no folder that can be written")
    return "ok"


def _answers() -> str:
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
        raise NotReadyError("unknown while the database is away") from error
    age = row[0] if row else None
    if not isinstance(age, dt.timedelta):
        raise NotReadyError("no heartbeat yet; is the worker running?")
    if age > OLDEST_HEARTBEAT:
        raise NotReadyError(
            f"last heartbeat {age.total_seconds():.0f} s ago; see logs/worker.log in the home"
        )
    return f"{age.total_seconds():.0f} s"


CHECKS: dict[str, Callable[[], str]] = {"database": database, "lake": lake, "worker": worker}


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part does its work, else 503; `{"ready", "parts": {name: {"ready", "detail"}}}`."""
    parts = {name: _look(check) for name, check in CHECKS.items()}
    ready = all(part["ready"] for part in parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def _look(check: Callable[[], str]) -> dict[str, object]:
    try:
        return {"ready": True, "detail": check()}
    except NotReadyError as problem:
        return {"ready": False, "detail": str(problem)}


urlpatterns: list[URLPattern | URLResolver] = [path("healthz", healthz), path("readyz", readyz)]
