"""Lake maintenance: compaction, expiry and vacuum.

Each load adds a small file. A project's month is rewritten, sorted by (day, person, time), when it has many files and a
good share of its rows is outside its largest file. So each row is rewritten a few times, not at each load. The same
rows give the same bytes. Large events of a month that has many go to a file of their own. Person ids stay as stored,
so that a merge can still be undone.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings
from django.utils.timezone import now
from ibis.expr import types as ir

from analytics import engine, versions
from analytics.engine import Tables
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, FIRSTS, Layout, values
from analytics.locks import single_writer
from analytics.models import DataVersion
from analytics.rollup.dirty_days import A_DAY

FILES = 8
MANY_FILES = 100
SHARE = 0.25
"""A month is compacted with FILES files if SHARE of its rows is outside the largest one, and always with MANY_FILES."""

WIDE = 32 << 10
"""Characters of properties. Only PostHog's clients may send more, up to 1 MB."""

MAX_WIDE_BYTES = 64 << 20
"""A month with more of them is written in portions: deltalake's writer holds a multiple of a month in memory."""

MAX_GROUP_BYTES = 16 << 20
"""A row group of wide events. Readers decode a part of a row group at once."""

KEEP_HOURS = 6
"""How long replaced files and data versions are kept, for questions and lists that began before."""

# Orders without ties: otherwise the same rows could give different bytes.
ORDER = {
    EVENTS.name: ("day", "person_id", "timestamp", "sequence"),
    ACTIVITY.name: ("day", "person_id", "event"),
    FACTS.name: ("day", "person_id", "property", "at", "sequence", "once"),
}


def compact(today: dt.date) -> int:
    """Rewrite the months that need it and return how many. Activity and facts of the current month are left alone."""
    with single_writer("load") as alone:
        # Not while events are loaded: of two commits to the same partition Delta rejects one.
        done = _compact(EVENTS, today) if alone else 0
    with single_writer("rollup") as alone:
        # Two days late, because the local month of a project may end after that of `today`.
        closed = today - 2 * A_DAY
        return done + (_compact(ACTIVITY, closed) + _compact(FACTS, closed) if alone else 0)


def expire(today: dt.date) -> list[str]:
    """Drop months that ended more than KEEP_MONTHS months ago (0: none). Returns them; rollup then drops their days."""
    if not settings.KEEP_MONTHS:
        return []
    first = _months_before(today, settings.KEEP_MONTHS)
    with single_writer("load") as alone:
        # Under the lock: a load after the listing could add days to these months that the commit does not name, and
        # their numbers would stay.
        at = table.version(EVENTS)
        old = [
            (p, f) for p in table.projects(EVENTS, at) for f in table.files(EVENTS, p, at) if f.month < first
        ]
        if not alone or not old:
            return []
        days: dict[int, set[dt.date]] = defaultdict(set)
        for project, file in old:
            days[project] |= _days_between(file.first_day, file.last_day)
        table.drop(EVENTS, f"month < '{first}'", days)
        return sorted({file.month for _, file in old})


def vacuum() -> int:
    """Delete files that no current version needs. Returns how many."""
    # Versions before their files: a request for an old version must get "expired", not a missing file.
    versions.forget(now() - dt.timedelta(hours=KEEP_HOURS))
    with single_writer("load") as loading, single_writer("rollup") as rolling:
        newest = DataVersion.objects.order_by("-id").first()
        if not (loading and rolling and newest):
            return 0
        kept = {
            # Published versions, not the newest ones: until the next rollup, answers read files that the lake has
            # already replaced.
            EVENTS: newest.lake_version,
            ACTIVITY: newest.activity_version,
            FACTS: table.NEVER if newest.facts_version is None else newest.facts_version,
            FIRSTS: table.version(FIRSTS),
        }
        return sum(table.vacuum(layout, KEEP_HOURS, keep=at) for layout, at in kept.items())


def _compact(layout: Layout, today: dt.date) -> int:
    at, done = table.version(layout), 0
    for project in table.projects(layout, at):
        for month, files in groupby(table.files(layout, project, at), key=lambda file: file.month[:7]):
            if (layout is EVENTS or month < f"{today:%Y-%m}") and _needs_compaction(list(files)):
                at, done = _rewrite(layout, project, month, at), done + 1
    return done


def _needs_compaction(files: list[table.File]) -> bool:
    rows = [file.rows for file in files]
    return len(rows) >= MANY_FILES or (len(rows) >= FILES and sum(rows) - max(rows) >= SHARE * sum(rows))


def _rewrite(layout: Layout, project: int, month: str, at: int) -> int:
    first = dt.date.fromisoformat(f"{month}-01")
    span = (first, _next_month(first) - A_DAY)
    state = DataVersion(
        lake_version=at if layout is EVENTS else table.NEVER,
        activity_version=table.NEVER,
        facts_version=table.NEVER,
    )
    with engine.snapshot(project, state, days=span) as tables:
        # `stored`: `events` has merges applied, and written back they could never be undone.
        rows = tables.stored if layout is EVENTS else tables.lake(layout, at)
        found = rows.filter(rows["day"].between(*span)).mutate(month=ibis.literal(month))
        whole = found.select(layout.columns.names).order_by(*ORDER[layout.name])
        # The month and its single days: a day left out would stay beside its copy in the month.
        parts = {file.month for file in table.files(layout, project, at) if file.month[:7] == month} | {month}
        where = f"project_id = {project} AND month IN ({table.listed(parts)})"
        if layout is EVENTS and (wide := _wide_events(tables, found)).num_rows:
            return table.rewrite(
                layout, project, month, (_narrow(tables, whole), _wide(tables, whole, wide)), at=at
            )
        return table.replace(layout, tables.stream(whole), where, at=at)


def _wide_events(tables: Tables, events: ir.Table) -> pa.Table:
    """sequence, size: the wide events by sequence, if they are more than fit into memory several times."""
    sized = events.select("sequence", size=events["properties"].length())
    found = tables.run(sized.filter(sized["size"] > WIDE).order_by("sequence"))
    return found if (pc.sum(found["size"]).as_py() or 0) > MAX_WIDE_BYTES else found.slice(0, 0)


def _narrow(tables: Tables, events: ir.Table) -> Iterator[pa.Table]:
    narrow = tables.stream(events.filter(events["properties"].length() <= WIDE), table.ROW_GROUP)
    return (pa.Table.from_batches([batch]) for batch in narrow)


def _wide(tables: Tables, events: ir.Table, wide: pa.Table) -> Iterator[pa.Table]:
    """By sequence, not in order: sorted, all of them would be in memory."""
    sequences = values(wide["sequence"], int)
    for begin, end in portions(values(wide["size"], int)):
        # Each loaded file and each row group has few sequences: readers skip all others by their statistics.
        near = events["sequence"].between(sequences[begin], sequences[end - 1])
        yield tables.run(events.filter(near, events["properties"].length() > WIDE).order_by("sequence"))


def portions(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """The indexes of portions of MAX_GROUP_BYTES: first, and after the last."""
    begin = total = 0
    for index, size in enumerate(sizes):
        if total and total + size > MAX_GROUP_BYTES:
            yield begin, index
            begin, total = index, 0
        total += size
    yield begin, len(sizes)


def _next_month(first: dt.date) -> dt.date:
    # From the first of a month 31 days always lead into the next one and never beyond it.
    return (first + 31 * A_DAY).replace(day=1)


def _months_before(today: dt.date, months: int) -> str:
    number = today.year * 12 + today.month - 1 - months
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _days_between(first: dt.date, last: dt.date) -> set[dt.date]:
    return {first + n * A_DAY for n in range((last - first).days + 1)}
