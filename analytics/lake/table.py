"""The lake: Delta tables of Parquet files under LAKE_URL. The only module that imports deltalake.

Tables are opened for each use. Only what belongs to a Delta version is cached, because a version never changes.
Credentials of object stores come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...).
"""

import datetime as dt
import json
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction
from deltalake.writer.properties import BloomFilterProperties, ColumnProperties
from django.conf import settings

from analytics.lake import row_groups
from analytics.lake.columns import PARTITION, Layout

Days = Mapping[int, Collection[dt.date]]
"""Days by project id."""

LOADER = "firsthand-load"
DAYS = "firsthand.days"
NEVER = -1
ROW_GROUP = 50_000

CONFIGURATION = {
    # Opening a table reads every commit since the last checkpoint; twenty of them take 5 ms.
    "delta.checkpointInterval": "10",
    # Rollup reads the changed days from the log. After more than a week without a rollup, it recomputes all days.
    "delta.logRetentionDuration": "interval 7 days",
    "delta.enableExpiredLogCleanup": "true",
}
WHOLE_NUMBERS: Literal["DELTA_BINARY_PACKED"] = "DELTA_BINARY_PACKED"
SHARED_PREFIXES: Literal["DELTA_BYTE_ARRAY"] = "DELTA_BYTE_ARRAY"
"""Stores only where a value differs from the one before. Ids repeat, and time-ordered ones share a prefix."""

BLOOM = 20_000
"""Expected people per row group. With more, the Bloom filter has a few more false positives."""


LOADED = ColumnProperties(statistics_enabled="CHUNK")
REWRITTEN = ColumnProperties(statistics_enabled="PAGE")
"""Statistics per column chunk or per page. Loaded files are small and rewritten soon, so chunks will do."""


def _encoded(
    encoding: Literal["DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY"], bloom: BloomFilterProperties | None = None
) -> ColumnProperties:
    return ColumnProperties(dictionary_enabled=False, encoding=encoding, bloom_filter_properties=bloom)


def _writer(rows: int, columns: ColumnProperties) -> WriterProperties:
    """Parquet options for files of about this many rows."""
    # The person page looks for one person's rows: with a Bloom filter most row groups are skipped.
    bloom = BloomFilterProperties(True, 0.02, min(BLOOM, rows))
    return WriterProperties(
        compression="ZSTD",
        compression_level=3,
        max_row_group_size=min(ROW_GROUP, max(rows, 1)),
        default_column_properties=columns,
        column_properties={
            **{name: _encoded(SHARED_PREFIXES) for name in ("id", "distinct_id")},
            **{name: _encoded(WHOLE_NUMBERS) for name in ("sequence", "timestamp", "received_at")},
            "person_id": _encoded(WHOLE_NUMBERS, bloom),
        },
    )


LakeError = DeltaError
"""Raised when a damaged or unreachable lake is read."""


class LakeChangedError(Exception):
    """Another process wrote to the lake at the same time. Nothing was written; it is safe to try again."""


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet file of one project and month, with its first and last day (inclusive)."""

    path: str
    month: str
    rows: int
    bytes: int
    first_day: dt.date
    last_day: dt.date


@dataclass(frozen=True, slots=True)
class Changes:
    """UTC days that loads have changed, by project. `known` is false when the log no longer has all commits."""

    days: dict[int, set[dt.date]]
    known: bool


def url(layout: Layout) -> str:
    return f"{settings.LAKE_URL.rstrip('/')}/{layout.name}"


def version(layout: Layout) -> int:
    """The newest version of the table; NEVER if it does not exist yet."""
    table = _newest(layout)
    return int(table.version()) if table else NEVER


def watermark(layout: Layout, *, at: int | None = None) -> int:
    """The highest sequence in the lake, now or at a version; 0 when it is empty."""
    # By version, not the newest: events are read from the lake up to here and from PostgreSQL after it. A load in
    # between would leave a gap.
    if at is not None:
        return _watermark_at(url(layout), at) if at != NEVER else 0
    table = _newest(layout)
    return _watermark(table) if table else 0


def append(layout: Layout, rows: pa.Table, *, after: int, until: int, days: Days) -> bool:
    """Add the events with sequences in (after, until], in one commit that moves the watermark to `until`.

    Returns False and writes nothing when the watermark is no longer `after`, because another process has loaded. Of two
    commits at the same time Delta accepts the first; the second raises LakeChangedError.
    """
    # The check and the commit use one snapshot. If another load commits in between, Delta rejects this one.
    table = _open(layout)
    if _watermark(table) != after:
        return False
    commit = CommitProperties(
        custom_metadata=_day_metadata(days), app_transactions=[Transaction(LOADER, until)]
    )
    with _conflicts_as_lake_changed(layout):
        writer = _writer(rows.num_rows, LOADED)
        write_deltalake(table, rows, mode="append", writer_properties=writer, commit_properties=commit)
    return True


def try_writing(layout: Layout, rows: pa.Table) -> None:
    """Write the rows to an empty table that is deleted afterwards. Raises what `append` would raise because of them."""
    with tempfile.TemporaryDirectory(dir=settings.HOME.root, prefix="trial-") as folder:
        write_deltalake(
            _created(folder, layout), rows, mode="append", writer_properties=_writer(rows.num_rows, LOADED)
        )


def replace(
    layout: Layout, rows: pa.RecordBatchReader, where: str, *, at: int, row_group: int = ROW_GROUP
) -> int:
    """Replace all rows that match `where` by `rows`, in one commit. Returns the new version.

    Raises LakeChangedError and changes nothing when matching rows were added since version `at`.
    """
    # At the version that was read, not the newest: Delta rejects the commit if matching rows were added since. On the
    # newest it would overwrite them.
    table = _open(layout) if at == NEVER else DeltaTable(url(layout), version=at)
    with _conflicts_as_lake_changed(layout):
        write_deltalake(
            table, rows, mode="overwrite", predicate=where, writer_properties=_writer(row_group, REWRITTEN)
        )
    return int(table.version())


def rewrite(layout: Layout, project: int, month: str, parts: Iterable[Iterable[pa.Table]], *, at: int) -> int:
    """Replace a project's month, as of version `at`, by a file for each part. Returns the new version.

    A part is row groups. Only one of them is in memory at a time. Raises LakeChangedError and changes nothing when a
    file of the month was replaced since.
    """
    table = DeltaTable(url(layout), version=at)
    written = (row_groups.write(url(layout), layout, project, month, part) for part in parts)
    added: list[AddAction | RemoveAction] = [_addition(file, project, month) for file in written if file]
    with _conflicts_as_lake_changed(layout):
        table.create_write_transaction(
            added,
            mode="overwrite",
            schema=layout.columns,
            partition_by=list(PARTITION),
            partition_filters=[("project_id", "=", str(project)), ("month", "=", month)],
        )
    return int(table.version())


def _addition(file: row_groups.Written, project: int, month: str) -> AddAction:
    # data_change: the same rows are in other files, for whoever reads the table's changes.
    return AddAction(
        path=file.path,
        size=file.bytes,
        partition_values={"project_id": str(project), "month": month},
        modification_time=int(dt.datetime.now(dt.UTC).timestamp() * 1000),
        data_change=False,
        stats=file.statistics,
    )


def drop(layout: Layout, where: str, days: Days) -> None:
    """Delete all rows that match `where`. Rollup recomputes the `days`."""
    DeltaTable(url(layout)).delete(
        where, commit_properties=CommitProperties(custom_metadata=_day_metadata(days))
    )


def allow_nulls(layout: Layout) -> None:
    """Let columns be null that may be null by now. A table from before would reject such rows."""
    table = _newest(layout)
    if table is not None:
        required = {field.name for field in table.schema().fields if not field.nullable}
        for field in layout.columns:
            if field.nullable and field.name in required:
                table.alter.drop_column_not_null(field.name)


def vacuum(layout: Layout, hours: int, *, keep: int) -> int:
    """Delete files that left the table more than `hours` ago and are not in version `keep`. Returns how many."""
    table = _newest(layout)
    if table is None:
        return 0
    # Delta enforces a week by default. Versions in use are kept, and VersionExpiredError covers older ones.
    kept = [keep] if keep != NEVER else []
    return len(table.vacuum(hours, dry_run=False, enforce_retention_duration=False, keep_versions=kept))


def files(layout: Layout, project_id: int, at: int) -> tuple[File, ...]:
    """A project's files at a version, ordered by month and day."""
    return _listing(url(layout), at).get(project_id, ()) if at != NEVER else ()


def projects(layout: Layout, at: int) -> list[int]:
    """The projects with rows at a version."""
    return sorted(_listing(url(layout), at)) if at != NEVER else []


def scan(layout: Layout, columns: list[str], where: str) -> Iterator[pa.RecordBatch]:
    """Rows of the newest version that match `where`, in batches. Skips files and row groups by their statistics."""
    table = _newest(layout)
    if table:
        stream = table.scan(columns=columns, predicate=where)
        wanted = pa.schema([layout.columns.field(name) for name in columns])
        yield from pa.RecordBatchReader.from_stream(stream).cast(wanted)


def changes(layout: Layout, after: int, until: int) -> Changes:
    """The days changed in versions (after, until]. Compaction names no days, because it changes no rows."""
    if after >= until:
        return Changes({}, known=True)
    commits = [c for c in DeltaTable(url(layout)).history(until - after + 1) if after < c["version"] <= until]
    found: dict[int, set[dt.date]] = defaultdict(set)
    for commit in commits:
        for project, days in json.loads(commit.get(DAYS, "{}")).items():
            found[int(project)].update(map(dt.date.fromisoformat, days))
    # Delta deletes old commits. Without this check their days would keep their old numbers.
    return Changes(dict(found), known=len(commits) == until - max(after, NEVER))


def changed_since(layout: Layout, after: int) -> dt.datetime | None:
    """When the first version after this one was committed; None if there is none."""
    table = _newest(layout)
    if table is None or table.version() <= after:
        return None
    # The newest comes first. Delta deletes old commits, so this may be a later one.
    oldest = table.history(table.version() - after)[-1]
    return dt.datetime.fromtimestamp(oldest["timestamp"] / 1000, dt.UTC)


def day_list(days: Iterable[dt.date]) -> str:
    """Days for an IN (...) of a lake predicate."""
    return ", ".join(f"DATE '{day}'" for day in sorted(days))


def listed(names: Iterable[str]) -> str:
    """Months for an IN (...) of a lake predicate."""
    return ", ".join(f"'{name}'" for name in sorted(names))


def _newest(layout: Layout) -> DeltaTable | None:
    """None if the table does not exist yet."""
    # Not is_deltatable(): it holds the GIL until the object store answers.
    try:
        return DeltaTable(url(layout))
    except TableNotFoundError:
        return None


def _open(layout: Layout) -> DeltaTable:
    return _newest(layout) or _created(url(layout), layout)


def _created(address: str, layout: Layout) -> DeltaTable:
    return DeltaTable.create(
        address,
        layout.columns,
        mode="ignore",
        partition_by=list(PARTITION),
        configuration={**CONFIGURATION, "delta.dataSkippingStatsColumns": ",".join(layout.ranges)},
    )


@contextmanager
def _conflicts_as_lake_changed(layout: Layout) -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise LakeChangedError(f"{layout.name} was written to by another process: {error}") from error


def _day_metadata(days: Days) -> dict[str, str]:
    return {
        DAYS: json.dumps({str(project): sorted(map(str, each)) for project, each in sorted(days.items())})
    }


@lru_cache(maxsize=8)
def _watermark_at(address: str, at: int) -> int:
    return _watermark(DeltaTable(address, version=at))


def _watermark(table: DeltaTable) -> int:
    return int(table.transaction_version(LOADER) or 0)


@lru_cache(maxsize=8)
def _listing(address: str, at: int) -> dict[int, tuple[File, ...]]:
    table = DeltaTable(address, version=at)
    found: dict[int, list[File]] = defaultdict(list)
    for action in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        found[action["partition.project_id"]].append(_file(address, action))
    return {
        # Sorted, because Delta lists files in any order and compaction groups neighboring files by month.
        project: tuple(sorted(each, key=lambda file: (file.month, file.first_day, file.path)))
        for project, each in found.items()
    }


def _file(address: str, action: Mapping[str, Any]) -> File:
    return File(
        path=f"{address}/{action['path']}",
        month=action["partition.month"],
        rows=action["num_records"],
        bytes=action["size_bytes"],
        first_day=action["min.day"],
        last_day=action["max.day"],
    )
