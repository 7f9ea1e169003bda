"""The lake: open Delta tables of Parquet files under LAKE_URL. The only module that imports deltalake.

Tables are opened anew for each use: what is remembered between uses is keyed by a Delta version, which never changes.
Credentials of object stores come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...).
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.writer.properties import BloomFilterProperties, ColumnProperties
from django.conf import settings

from analytics.lake.columns import PARTITION, Layout

Days = Mapping[int, Collection[dt.date]]
"""Days by project id."""

LOADER = "firsthand-load"
DAYS = "firsthand.days"
NEVER = -1
ROW_GROUP = 50_000

CONFIGURATION = {
    # Whoever opens the table reads every commit since the last checkpoint: twenty of them cost 5 ms each time.
    "delta.checkpointInterval": "10",
    "delta.logRetentionDuration": "interval 7 days",
    "delta.enableExpiredLogCleanup": "true",
}
WHOLE_NUMBERS = {"dictionary_enabled": False, "encoding": "DELTA_BINARY_PACKED"}
WHAT_GOES_BEFORE = {"dictionary_enabled": False, "encoding": "DELTA_BYTE_ARRAY"}
"""Of each value only what differs from the one before: ids repeat, and time-ordered ones begin alike."""

BLOOM = 20_000
"""People of a row group, as a rule at most; with more of them it says "perhaps" a little more often."""


LOADED = ColumnProperties(statistics_enabled="CHUNK")
REWRITTEN = ColumnProperties(statistics_enabled="PAGE")
"""What files tell of the ranges in each column: a load's are small and written anew before long."""


def _writer(rows: int, columns: ColumnProperties) -> WriterProperties:
    """How files of about so many rows are written."""
    # One person's rows are looked for by the screen that shows them: most row groups can say that they have none.
    bloom = BloomFilterProperties(True, 0.02, min(BLOOM, rows))
    return WriterProperties(
        compression="ZSTD",
        compression_level=3,
        max_row_group_size=ROW_GROUP,
        default_column_properties=columns,
        column_properties={
            **{name: ColumnProperties(**WHAT_GOES_BEFORE) for name in ("id", "distinct_id")},
            **{name: ColumnProperties(**WHOLE_NUMBERS) for name in ("sequence", "timestamp", "received_at")},
            "person_id": ColumnProperties(**WHOLE_NUMBERS, bloom_filter_properties=bloom),
        },
    )


LakeError = DeltaError
"""What reading a damaged or unreachable lake raises."""


class LakeChangedError(Exception):
    """Somebody else wrote to the lake at the same time; nothing was written, and doing it again is safe."""


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet file of one project and month, and the ranges of what it holds (days inclusive)."""

    path: str
    month: str
    rows: int
    bytes: int
    first_day: dt.date
    last_day: dt.date


@dataclass(frozen=True, slots=True)
class Changes:
    """UTC days that loads have touched, by project. `known` is false when the log no longer says all of them."""

    days: dict[int, set[dt.date]]
    known: bool


def url(layout: Layout) -> str:
    return f"{settings.LAKE_URL.rstrip('/')}/{layout.name}"


def version(layout: Layout) -> int:
    """The newest version of the table; NEVER while there is none."""
    table = _newest(layout)
    return int(table.version()) if table else NEVER


def mark(layout: Layout, *, at: int | None = None) -> int:
    """The highest sequence that the lake holds (held at a version); 0 while it holds none."""
    if at is not None:
        return _mark_at(url(layout), at) if at != NEVER else 0
    table = _newest(layout)
    return _mark(table) if table else 0


def append(layout: Layout, rows: pa.Table, *, after: int, until: int, days: Days) -> bool:
    """Add events with sequences in (after, until] in one commit that moves the mark to `until`.

    False when the mark is no longer at `after`: another loader was faster, and nothing is written. Of two that commit
    at the same time Delta takes only the first; the other one raises LakeChangedError.
    """
    table = _open(layout)
    if _mark(table) != after:
        return False
    commit = CommitProperties(custom_metadata=_naming(days), app_transactions=[Transaction(LOADER, until)])
    with _one_writer(layout):
        writer = _writer(rows.num_rows, LOADED)
        write_deltalake(table, rows, mode="append", writer_properties=writer, commit_properties=commit)
    return True


def replace(layout: Layout, rows: pa.RecordBatchReader, where: str, *, at: int) -> int:
    """Put `rows` in the place of everything that fulfilled `where` at a version, in one commit; the new version.

    Raises LakeChangedError, and changes nothing, when others have added such rows since that version.
    """
    table = _open(layout) if at == NEVER else DeltaTable(url(layout), version=at)
    with _one_writer(layout):
        write_deltalake(
            table, rows, mode="overwrite", predicate=where, writer_properties=_writer(ROW_GROUP, REWRITTEN)
        )
    return int(table.version())


def drop(layout: Layout, where: str, days: Days) -> None:
    """Take out everything that fulfils `where`; rollup then recomputes the days that are named."""
    DeltaTable(url(layout)).delete(where, commit_properties=CommitProperties(custom_metadata=_naming(days)))


def vacuum(layout: Layout, hours: int, *, keep: int) -> int:
    """Delete files that have been out of the table for so long, and are not in version `keep`; how many."""
    table = _newest(layout)
    if table is None:
        return 0
    kept = [keep] if keep != NEVER else []
    return len(table.vacuum(hours, dry_run=False, enforce_retention_duration=False, keep_versions=kept))


def files(layout: Layout, project_id: int, at: int) -> tuple[File, ...]:
    """The files that make up a project at a version, by month and day."""
    return _listing(url(layout), at).get(project_id, ()) if at != NEVER else ()


def projects(layout: Layout, at: int) -> list[int]:
    """The projects that have rows at a version."""
    return sorted(_listing(url(layout), at)) if at != NEVER else []


def scan(layout: Layout, columns: list[str], where: str) -> Iterator[pa.RecordBatch]:
    """The newest rows that fulfil `where`, batch by batch; files and row groups out of range are not read."""
    table = _newest(layout)
    if table:
        stream = table.scan(columns=columns, predicate=where)
        wanted = pa.schema([layout.columns.field(name) for name in columns])
        yield from pa.RecordBatchReader.from_stream(stream).cast(wanted)


def changes(layout: Layout, after: int, until: int) -> Changes:
    """What the loads in versions (after, until] touched. Compaction and expiry name no days: they change no fact."""
    if after >= until:
        return Changes({}, known=True)
    commits = [c for c in DeltaTable(url(layout)).history(until - after + 1) if after < c["version"] <= until]
    found: dict[int, set[dt.date]] = defaultdict(set)
    for commit in commits:
        for project, days in json.loads(commit.get(DAYS, "{}")).items():
            found[int(project)].update(map(dt.date.fromisoformat, days))
    return Changes(dict(found), known=len(commits) == until - max(after, NEVER))


def day_list(days: Iterable[dt.date]) -> str:
    """Days as the inside of an IN (...) of the lake's predicates."""
    return ", ".join(f"DATE '{day}'" for day in sorted(days))


def listed(names: Iterable[str]) -> str:
    """Names of months, likewise."""
    return ", ".join(f"'{name}'" for name in sorted(names))


def _newest(layout: Layout) -> DeltaTable | None:
    """None while there is no table. Not by is_deltatable: it holds the interpreter's lock until a store answers."""
    try:
        return DeltaTable(url(layout))
    except TableNotFoundError:
        return None


def _open(layout: Layout) -> DeltaTable:
    return _newest(layout) or DeltaTable.create(
        url(layout),
        layout.columns,
        mode="ignore",
        partition_by=list(PARTITION),
        configuration={**CONFIGURATION, "delta.dataSkippingStatsColumns": ",".join(layout.ranges)},
    )


@contextmanager
def _one_writer(layout: Layout) -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise LakeChangedError(f"{layout.name} was written to by another process: {error}") from error


def _naming(days: Days) -> dict[str, str]:
    return {
        DAYS: json.dumps({str(project): sorted(map(str, each)) for project, each in sorted(days.items())})
    }


@lru_cache(maxsize=8)
def _mark_at(address: str, at: int) -> int:
    return _mark(DeltaTable(address, version=at))


def _mark(table: DeltaTable) -> int:
    return int(table.transaction_version(LOADER) or 0)


@lru_cache(maxsize=8)
def _listing(address: str, at: int) -> dict[int, tuple[File, ...]]:
    table = DeltaTable(address, version=at)
    found: dict[int, list[File]] = defaultdict(list)
    for action in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        found[action["partition.project_id"]].append(_file(address, action))
    return {
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
