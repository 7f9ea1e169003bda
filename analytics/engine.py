"""The engine: Ibis tables over the lake's files as of a data version.

Every question is one Ibis expression, and FIRSTHAND_ENGINE selects the engine that runs it. DuckDB runs inside this
process, limited by ENGINE_MEMORY and ENGINE_THREADS; beyond its memory it spills to disk, in the home. To add an
engine, implement Engine and add it to ENGINES.
"""

import datetime as dt
import itertools
import os
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol

import duckdb
import ibis
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from ibis.expr import operations as ops
from ibis.expr import types as ir
from ibis.expr.schema import Schema

from analytics.identity import redirects
from analytics.lake import file_cache, table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, Layout, arrow_schema, values
from analytics.models import DataVersion
from config.env import ConfigurationError
from config.limits import QUESTION_DISK, QUESTIONS

NOTHING = DataVersion(
    id=0, lake_version=table.NEVER, activity_version=table.NEVER, facts_version=table.NEVER, link_id=0
)
"""The state before the first rollup: no data."""

NARROW = "choose fewer days, fewer series or steps, or fewer filters"

REDIRECT = arrow_schema(moved_id=pa.int64(), target_id=pa.int64())


class TooHeavyError(Exception):
    """A question needs more time or memory than it may take. The message says what to do."""


class Engine(Protocol):
    """Runs Ibis expressions over Parquet files."""

    def session(self, place: int | None) -> AbstractContextManager[Any]:
        """An Ibis backend for one thread and one snapshot.

        A question has a place: memory and time of its own, QUESTION_MEMORY and QUESTION_SECONDS. Raises TooHeavyError.
        """

    def parquet(
        self, backend: Any, name: str, project_id: int, files: Sequence[table.File], columns: pa.Schema
    ) -> ir.Table:
        """One project's files as the table `name`; an empty table when there are none."""

    def arrow(self, backend: Any, name: str, rows: pa.Table) -> ir.Table:
        """Rows in memory as the table `name`."""

    def run(self, backend: Any, expr: ir.Table) -> pa.Table:
        """The whole result."""

    def stream(self, backend: Any, expr: ir.Table, rows: int) -> pa.RecordBatchReader:
        """The result in batches of at most `rows`, without holding all of it in memory."""


@dataclass(frozen=True)
class Tables:
    """One project's tables at one data version. Files are opened, or fetched from an object store, on first use.

    events    schema.EVENT and `day` (UTC), with merges applied: person_id is the current person as of the version
    activity  project_id, day (local), person_id, event, count, first_at, last_at; with merges applied
    facts     columns.FACTS: what events set about people; with merges applied, without repeated values
    stored    events with the person_id they were stored under; finds one person's rows quickly
    """

    project_id: int
    version: DataVersion
    _days: tuple[dt.date, dt.date] | None
    _engine: Engine
    _backend: Any
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @cached_property
    def events(self) -> ir.Table:
        moved = _redirects(self.project_id, self.version.link_id)
        return _canonical(self.stored, self.table(moved)) if moved.num_rows else self.stored

    @cached_property
    def activity(self) -> ir.Table:
        return self._files(ACTIVITY, self.version.activity_version, None)

    @cached_property
    def facts(self) -> ir.Table:
        at = self.version.facts_version
        return self._files(FACTS, table.NEVER if at is None else at, None)

    @cached_property
    def stored(self) -> ir.Table:
        return self._files(EVENTS, self.version.lake_version, self._days)

    def _files(self, layout: Layout, at: int, days: tuple[dt.date, dt.date] | None) -> ir.Table:
        files = _files(layout, self.project_id, at, days)
        return self._engine.parquet(self._backend, layout.name, self.project_id, files, _columns(layout))

    def lake(self, layout: Layout, at: int) -> ir.Table:
        """The project's rows of another lake table, at a version of that table."""
        return self._files(layout, at, None)

    def run(self, expr: ir.Table) -> pa.Table:
        return self._engine.run(self._backend, expr)

    def stream(self, expr: ir.Table, rows: int = 50_000) -> pa.RecordBatchReader:
        """The result in batches, in constant memory. Read it inside the snapshot and before the next query."""
        return self._engine.stream(self._backend, expr, rows)

    def table(self, rows: pa.Table) -> ir.Table:
        """A small in-memory table, to join with."""
        # Numbered, not random: the compiled SQL of an expression is cached, and new names would miss the cache.
        return self._engine.arrow(self._backend, f"rows_{next(self._numbers)}", rows)


@contextmanager
def snapshot(
    project_id: int,
    version: DataVersion | None = None,
    *,
    days: tuple[dt.date, dt.date] | None = None,
    place: int | None = None,
) -> Iterator[Tables]:
    """The project's tables at a version (default: the newest). `days` (UTC, inclusive) skips event files outside it.

    place   the place of a question, which is then limited in time and memory; raises TooHeavyError

    Raises ConfigurationError when FIRSTHAND_ENGINE names an unknown engine.
    """
    state = version or DataVersion.objects.order_by("-id").first() or NOTHING
    engine = _engine()
    with engine.session(place) as backend:
        yield Tables(project_id, state, days, engine, backend)


def _files(layout: Layout, project: int, at: int, days: tuple[dt.date, dt.date] | None) -> list[table.File]:
    first, last = days or (dt.date.min, dt.date.max)
    return [f for f in table.files(layout, project, at) if f.last_day >= first and f.first_day <= last]


def _columns(layout: Layout) -> pa.Schema:
    """The layout's columns without `month`, which only names the folder of a file."""
    # All nullable: Ibis refuses a union of a non-null column with one that it cannot prove to be non-null.
    return pa.schema([field.with_nullable(True) for field in layout.columns if field.name != "month"])


@lru_cache(maxsize=64)
def _canonical(stored: ir.Table, moved: ir.Table) -> ir.Table:
    joined = stored.left_join(moved, stored.person_id == moved.moved_id)
    now = ibis.coalesce(joined.target_id, joined.person_id)
    return joined.mutate(person_id=now).select(stored.columns)


@lru_cache(maxsize=64)
def _redirects(project_id: int, link_id: int) -> pa.Table:
    """Merges as of a link: events stored under `moved_id` belong to `target_id`."""
    # Safe to cache: redirects are append-only, so those up to a link never change.
    found = redirects.as_of(project_id, link_id)
    return pa.table([[row[0] for row in found], [row[1] for row in found]], schema=REDIRECT)


def targets(project_id: int, link_id: int, persons: Collection[int]) -> set[int]:
    """The people whom these had been merged into as of a link."""
    known = _redirects(project_id, link_id)
    moved = known.filter(pc.is_in(known["moved_id"], pa.array(sorted(persons), pa.int64())))
    return set(values(moved["target_id"], int))


class DuckDB:
    """In-memory databases: one per process, and one per question that runs at the same time.

    Memory limits are per database. Each session has its own connection, and so its own table names.
    """

    @contextmanager
    def session(self, place: int | None) -> Iterator[Any]:
        connection = _database(os.getpid(), place).cursor()
        backend = ibis.duckdb.from_connection(connection)
        try:
            with nullcontext() if place is None else _limited(connection):
                yield backend
        finally:
            backend.disconnect()

    def parquet(
        self, backend: Any, name: str, project_id: int, files: Sequence[table.File], columns: pa.Schema
    ) -> ir.Table:
        listed = ", ".join(_literal(path) for path in file_cache.local(files))
        source = f"FROM read_parquet([{listed}], hive_partitioning = false)" if files else "WHERE false"
        # Without files, read_parquet would fail, so the view has typed NULL columns and no rows.
        chosen = ", ".join(_select(field, project_id, bool(files)) for field in columns)
        # No hive_partitioning: DuckDB would guess the types of project_id and month from the path.
        # A view, not Ibis's sql(): that parses the whole list of files again for every expression.
        backend.con.execute(f"CREATE TEMPORARY VIEW {name} AS SELECT {chosen} {source}")
        return _table(name, columns)

    def arrow(self, backend: Any, name: str, rows: pa.Table) -> ir.Table:
        backend.con.register(name, rows)
        return _table(name, rows.schema)

    def run(self, backend: Any, expr: ir.Table) -> pa.Table:
        # Cast, because DuckDB returns sums of 64-bit integers as decimals of 38 digits.
        found: pa.Table = backend.con.sql(_sql(expr.op())).to_arrow_table()
        return found.cast(expr.schema().to_pyarrow())

    def stream(self, backend: Any, expr: ir.Table, rows: int) -> pa.RecordBatchReader:
        reader: pa.RecordBatchReader = backend.con.sql(_sql(expr.op())).to_arrow_reader(rows)
        return reader.cast(expr.schema().to_pyarrow())


@lru_cache(maxsize=512)
def _table(name: str, columns: pa.Schema) -> ir.Table:
    # The same object each time: Ibis compares tables by identity, and whoever keeps expressions would never find one.
    return ibis.table(Schema.from_pyarrow(columns), name=name)


@lru_cache(maxsize=512)
def _sql(expression: ops.Relation) -> str:
    """Cached: compiling takes Ibis as long as an answer takes DuckDB. Table names are the same in every session."""
    return str(ibis.duckdb.compile(expression.to_expr()))  # type: ignore[no-untyped-call] # Ibis declares no types for it


def _select(field: "pa.Field[Any]", project_id: int, present: bool) -> str:
    # Delta keeps partition columns in the path, so the files themselves have no project_id.
    if field.name == "project_id":
        return f"{project_id}::INTEGER AS project_id"
    return f'"{field.name}"' if present else f'NULL::{_DUCKDB[field.type]} AS "{field.name}"'


_DUCKDB = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.binary(): "BLOB",
    pa.string(): "VARCHAR",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _limited(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    done = threading.Event()
    watch = threading.Thread(target=_interrupt_late, args=(connection, done), daemon=True)
    watch.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise TooHeavyError(f"this takes longer than {settings.QUESTION_SECONDS} s; {NARROW}") from error
    except duckdb.OutOfMemoryException as error:
        raise TooHeavyError(f"this needs more than {settings.QUESTION_MEMORY} of memory; {NARROW}") from error
    finally:
        done.set()
        watch.join()


def _interrupt_late(connection: duckdb.DuckDBPyConnection, done: threading.Event) -> None:
    wait = float(settings.QUESTION_SECONDS)
    while not done.wait(wait):
        connection.interrupt()
        # Again and again: an interrupt between two queries of a question has no effect on the second.
        wait = 0.2


@lru_cache(maxsize=1 + QUESTIONS)
def _database(_process: int, place: int | None) -> duckdb.DuckDBPyConnection:
    """The pid is part of the cache key: a database inherited through a fork has lost its threads."""
    spill = settings.HOME.root / "spill" / ("" if place is None else f"question-{place}")
    spill.parent.mkdir(parents=True, exist_ok=True)
    bounds: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": settings.ENGINE_MEMORY if place is None else settings.QUESTION_MEMORY,
        "threads": settings.ENGINE_THREADS,
        "temp_directory": str(spill),
        # Keeping the order of rows would hold more of a large result in memory. Expressions that need an order sort.
        "preserve_insertion_order": False,
    }
    if place is not None:
        # By default a query may fill almost the whole disk, and ingest could not write any more.
        bounds["max_temp_directory_size"] = QUESTION_DISK
    database = duckdb.connect(":memory:", config=bounds)
    # Safe, because the lake's files never change once written. Time zone: a session must not use the machine's.
    database.execute("SET GLOBAL parquet_metadata_cache = true; SET GLOBAL TimeZone = 'UTC'")
    # Without, the allocator keeps the memory of the heaviest query until another one needs it.
    database.execute("SET GLOBAL allocator_background_threads = true")
    return database


ENGINES: dict[str, Engine] = {"duckdb": DuckDB()}


def _engine() -> Engine:
    kind = settings.ENGINE_URL.partition("://")[0]
    if kind not in ENGINES:
        raise ConfigurationError(
            f"FIRSTHAND_ENGINE={settings.ENGINE_URL!r} is not an engine of this version;"
            f" use one of: {', '.join(f'{name}://' for name in ENGINES)}"
        )
    return ENGINES[kind]
