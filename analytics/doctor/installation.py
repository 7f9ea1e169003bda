"""Checks every part of the installation."""

import datetime as dt
import os
import shutil
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import now
from kombu import Connection

from analytics.doctor.finding import CheckError, CheckWarning, Finding, run_check
from analytics.ingest.rows import RECEIVED
from analytics.ingest.spool import REJECTED, Spool
from analytics.lag import MAX_LAG
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS
from config import health
from config.home import layout, sequences
from outbox import deliveries

OLDEST_POSTGRES = 14
LEAST_FREE = 1 << 30
EMBEDDED = "filesystem://"


def check() -> list[Finding]:
    """All checks. Without the database only that one, because the others need it."""
    first = run_check("database", _database)
    return (
        [first]
        if first.state == "error"
        else [first, *(run_check(part, check) for part, check in CHECKS.items())]
    )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            (version,) = cursor.fetchone()
    except DatabaseError as error:
        raise CheckError(f"no connection: {str(error).strip()}; check DATABASE_URL") from error
    if int(version.partition(".")[0]) < OLDEST_POSTGRES:
        raise CheckError(f"PostgreSQL {version} is too old; use {OLDEST_POSTGRES} or newer")
    return f"PostgreSQL {version}"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing)
        raise CheckError(f"{names} not applied; run: manage.py migrate")
    return "all applied"


def _sequences() -> str:
    try:
        watermark = table.watermark(EVENTS)
    except (OSError, table.LakeError):
        # The lake has a check of its own.
        watermark = 0
    stale = sequences.stale(layout.database_url(), events=watermark)
    if stale:
        names = ", ".join(f"{each.name} is at {each.last}, but {each.highest} is in use" for each in stale)
        raise CheckError(f"{names}; restart Firsthand, which repairs them")
    return "ahead of their tables"


def _lake() -> str:
    try:
        health.lake()
        seen = {layout.name: table.version(layout) for layout in (EVENTS, ACTIVITY, FACTS)}
    except health.NotReadyError as problem:
        raise CheckError(str(problem)) from problem
    except (OSError, table.LakeError) as error:
        raise CheckError(f"{settings.LAKE_URL} cannot be used: {error}") from error
    summary = (f"{name} at version {at}" for name, at in seen.items() if at != table.NEVER)
    return ", ".join(summary) or "empty"


def _partitions() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(inhrelid::regclass::text) FROM pg_inherits"
                       " WHERE inhparent = 'analytics_event'::regclass")  # fmt: skip
        number, oldest = cursor.fetchone()
    if not number:
        return "none yet"
    since = dt.datetime.strptime(oldest[-8:], "%Y%m%d").replace(tzinfo=dt.UTC).date()
    age = (dt.datetime.now(dt.UTC).date() - since).days
    if age > settings.HOT_DAYS + 2:
        raise CheckWarning(
            f"{oldest} is {age} days old, but FIRSTHAND_HOT_DAYS is {settings.HOT_DAYS}; is the worker running?"
        )
    return f"{number} days, the oldest {since}"


def _worker() -> str:
    try:
        return health.worker()
    except health.NotReadyError as problem:
        raise CheckWarning(str(problem)) from problem


def _stage(name: str) -> str:
    # A warning: while Firsthand is stopped, events may wait.
    try:
        return health.stage(name)
    except health.NotReadyError as problem:
        raise CheckWarning(str(problem)) from problem


def _broker() -> str:
    if settings.BROKER_URL == EMBEDDED:
        folder = settings.HOME.broker
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise CheckError(f"{folder} is not writable")
        return "in the home"
    try:
        with Connection(settings.BROKER_URL, connect_timeout=3) as broker:
            broker.ensure_connection(max_retries=1)
            return str(broker.as_uri())
    except Exception as error:  # each transport raises its own errors
        raise CheckError(f"no connection to FIRSTHAND_BROKER_URL: {error}") from error


def _deliveries() -> str:
    """Mail and webhooks: failed ones, and overdue ones."""
    backlog = deliveries.backlog()
    summary = f"{backlog.waiting} waiting, {backlog.failed} failed in the last {deliveries.KEPT.days} days"
    if backlog.oldest_due and now() - backlog.oldest_due > deliveries.OVERDUE:
        raise CheckWarning(
            f"{summary}; one has been due since {backlog.oldest_due:%Y-%m-%d %H:%M} UTC; is the worker running?"
        )
    if backlog.failed:
        raise CheckWarning(f"{summary}; see Settings, Deliveries")
    return summary


def _disk() -> str:
    settings.HOME.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.HOME.root).free
    summary = f"{free / 1e9:.1f} GB free at {settings.HOME.root}"
    if free < LEAST_FREE:
        raise CheckWarning(f"only {summary}")
    return summary


def _spool() -> str:
    """Events acknowledged while the database was unreachable, still on disk. They are not in the ledger yet."""
    spool, events, held = Spool(settings.HOME.spool, 0), 0, 0
    for path in spool.files():
        with spool.claimed(path) as shipments:
            held += shipments is None
            counts = [count for shipment in shipments or () for count in shipment.counts]
            events += sum(number for entry, number in counts if entry.outcome == RECEIVED)
    if rejected := sorted(path.name for path in settings.HOME.spool.glob(f"*{REJECTED}")):
        raise CheckWarning(
            f"the database rejected events of {', '.join(rejected)} in {settings.HOME.spool}; after fixing the cause,"
            " run: manage.py pipeline --replay-quarantine"
        )
    if events or held:
        files = f"; {held} files are being written or replayed" if held else ""
        raise CheckWarning(f"{events} events wait on disk{files}; the web process stores them when it runs")
    return "empty"


CHECKS: dict[str, Callable[[], str]] = {
    "migrations": _migrations,
    "sequences": _sequences,
    "lake": _lake,
    "partitions": _partitions,
    "worker": _worker,
    **{name: partial(_stage, name) for name in MAX_LAG},
    "broker": _broker,
    "deliveries": _deliveries,
    "disk": _disk,
    "spool": _spool,
}
