"""Writes Parquet files of the row groups that it is given, one at a time.

deltalake's own writer takes rows faster than it writes them, so a month of large events would be in memory as a whole,
and all row groups of a file have the same number of rows.
"""

import datetime as dt
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings

from analytics.lake import object_store
from analytics.lake.columns import PARTITION, Layout

WRITE_BATCH = 16
"""Rows between two looks at the size of a page. With the default, 1,024, a page of large events would be gigabytes."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that no version of the table has yet. `statistics` is Delta's JSON."""

    path: str
    bytes: int
    statistics: str


def write(url: str, layout: Layout, project: int, month: str, groups: Iterable[pa.Table]) -> Written | None:
    """Write a file of one partition; none without rows."""
    path = f"project_id={project}/month={month}/part-{uuid.uuid4()}.zstd.parquet"
    columns = pa.schema([field for field in layout.columns if field.name not in PARTITION])
    ranges = _Ranges(layout.ranges)
    spill = settings.HOME.root / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=spill) as folder:
        file = Path(folder) / "part"
        with _writer(file, columns) as writer:
            for group in groups:
                ranges.add(group)
                writer.write_table(group.select(columns.names).cast(columns), max(1, group.num_rows))
        if not ranges.rows:
            return None
        size = file.stat().st_size
        _move(file, url, path)
    return Written(path, size, ranges.as_json())


def _writer(file: Path, columns: pa.Schema) -> pq.ParquetWriter:
    """As lake.table writes other files."""
    prefixes, numbers = ("id", "distinct_id"), ("sequence", "timestamp", "received_at", "person_id")
    repeating = [name for name in columns.names if name not in (*prefixes, *numbers, "properties")]
    return pq.ParquetWriter(
        file,
        columns,
        compression="zstd",
        compression_level=3,
        use_dictionary=repeating,  # type: ignore[arg-type] # its stubs know no lists
        column_encoding=dict.fromkeys(prefixes, "DELTA_BYTE_ARRAY")
        | dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
        bloom_filter_options={"person_id": {"ndv": 1_000, "fpp": 0.02}},
        write_batch_size=WRITE_BATCH,
    )


def _move(file: Path, url: str, path: str) -> None:
    if object_store.remote():
        object_store.write(f"{url.removeprefix(settings.LAKE_URL.rstrip('/') + '/')}/{path}", file)
        return
    target = Path(url) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(file, target)


class _Ranges:
    """Delta's statistics of a file: the number of rows, and the ranges of some columns."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.rows = 0
        self.nulls = dict.fromkeys(names, 0)
        self.least: dict[str, Any] = {}
        self.most: dict[str, Any] = {}

    def add(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        for name in self.nulls:
            self.nulls[name] += rows[name].null_count
            least, most = pc.min(rows[name]).as_py(), pc.max(rows[name]).as_py()
            if least is not None:
                self.least[name] = min(least, self.least.get(name, least))
                self.most[name] = max(most, self.most.get(name, most))

    def as_json(self) -> str:
        return json.dumps(
            {
                "numRecords": self.rows,
                "minValues": {name: _text(value) for name, value in self.least.items()},
                "maxValues": {name: _text(value) for name, value in self.most.items()},
                "nullCount": self.nulls,
            }
        )


def _text(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, dt.date) else value
