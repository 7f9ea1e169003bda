"""Events and warnings in PostgreSQL's COPY format, and ledger counts as one upsert."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import astuple

from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Event, WarningReason
from analytics.schema import INBOX, names

COLUMNS = len(INBOX)
COLUMN_NAMES = tuple(names(INBOX))
INBOX_COPY = f"COPY analytics_inbox ({', '.join(COLUMN_NAMES)}) FROM STDIN (NULL '')"
WARNING_COPY = "COPY analytics_warning (project_id, reason, message, sample, at) FROM STDIN"
LEDGER_UPSERT = """
INSERT INTO analytics_ledger (project_id, hour, outcome, reason, count) VALUES {}
ON CONFLICT (project_id, hour, outcome, reason)
DO UPDATE SET count = analytics_ledger.count + excluded.count
"""
RECEIVED, REFUSED, UNPROVED = "received", "refused", "unproved"
# Project keys have this form. Samples are shown on pages and must not show a key.
WRITE_KEY = re.compile(r"\bfhw_[\w-]{8,}")
SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}


class Entry(NamedTuple):
    """A row of the ledger. `hour` is a Unix time in seconds; project 0 stands for an unknown key."""

    project_id: int
    hour: int
    outcome: str
    reason: str = ""


Counts = Counter[Entry]


@lru_cache(maxsize=4096)
def received(project_id: int, hour: int) -> Entry:
    return Entry(project_id, hour, RECEIVED)


def hour(moment: datetime) -> int:
    """The start of the moment's hour, as a Unix time."""
    return int(moment.timestamp()) // 3600 * 3600


def encode(events: Iterable[Event]) -> bytes:
    """Rows for INBOX_COPY, which reads empty text as NULL."""
    return "".join(map(_row, events)).encode()


def _row(event: Event) -> str:
    values = astuple(event)[:COLUMNS]
    row = "\t".join(values)
    # Joining first and counting tabs is faster than escaping every column, and few need it.
    if "\n" in row or "\r" in row or row.count("\t") != COLUMNS - 1:
        return "\t".join(map(escape, values)) + "\n"
    return (row.replace("\\", r"\\") if "\\" in row else row) + "\n"


def with_current_columns(data: bytes, columns: Sequence[str]) -> bytes:
    """Rows that an earlier release encoded with other columns. What it did not know is NULL, or 0 if it must be set."""
    place = {name: number for number, name in enumerate(columns)}
    missing = {column.name: b"" if column.nullable else b"0" for column in INBOX}
    rows = (row.split(b"\t") for row in data.split(b"\n")[:-1])
    return b"".join(
        b"\t".join(row[place[name]] if name in place else missing[name] for name in COLUMN_NAMES) + b"\n"
        for row in rows
    )


def escape(text: str) -> str:
    return SPECIAL.sub(lambda found: ESCAPES[found[0]], text)


def warning(project_id: int, reason: DropReason | WarningReason, sample: str, at: datetime) -> bytes:
    """One row for WARNING_COPY."""
    # COPY accepts no NUL, and one in a sample would fail the whole group.
    text = escape(WRITE_KEY.sub("fhw_…", sample.replace("\0", "\ufffd")))
    return f"{project_id}\t{reason}\t{escape(EXPLANATIONS[reason])}\t{text}\t{at}\n".encode(errors="replace")


def ledger_sql(counts: Counts) -> str:
    # Sorted: two transactions that lock the same rows in different orders would deadlock.
    values = ", ".join(
        f"({entry.project_id}, to_timestamp({entry.hour}), '{entry.outcome}', '{entry.reason}', {count})"
        for entry, count in sorted(counts.items())
    )
    # Formatted, because a script of several statements takes no parameters. All values are numbers or words of ours.
    return LEDGER_UPSERT.format(values)
