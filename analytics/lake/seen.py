"""Finds duplicates of late events in the lake, for events that may have left PostgreSQL."""

import datetime as dt
from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from analytics.lake import table
from analytics.lake.columns import EVENTS, arrow_schema, values

CANDIDATES = arrow_schema(project_id=pa.int32(), id=pa.binary(), day=pa.date32())
FOUND = arrow_schema(project_id=pa.int32(), id=pa.binary())
A_DAY = dt.timedelta(days=1)


def already_stored(candidates: pa.Table) -> pa.Table:
    """Those of the candidates (project_id, id, day) that are in the lake: (project_id, id), each once.

    `day` is the UTC day of the event's timestamp. Only the id and day columns of the affected months are read.
    """
    rows = [_found(int(project), wanted) for project, wanted in _by_project(candidates)]
    return pa.concat_tables([FOUND.empty_table(), *rows])


def _by_project(candidates: pa.Table) -> list[tuple[int, pa.Table]]:
    projects = values(pc.unique(candidates["project_id"]), int)
    return [
        (p, candidates.filter(pc.equal(candidates["project_id"], pa.scalar(p, pa.int32())))) for p in projects
    ]


def _found(project: int, wanted: pa.Table) -> pa.Table:
    ids = pc.unique(wanted["id"])
    batches = [
        batch.column("id").filter(pc.is_in(batch.column("id"), value_set=ids))
        for where in _months(project, values(pc.unique(wanted["day"]), dt.date))
        for batch in table.scan(EVENTS, ["id", "day"], where)
    ]
    stored = pc.unique(pa.chunked_array(batches, type=pa.binary()))
    return pa.table([pa.repeat(pa.scalar(project, pa.int32()), len(stored)), stored], schema=FOUND)


def _months(project: int, days: list[dt.date]) -> list[str]:
    months: dict[str, set[dt.date]] = defaultdict(set)
    # The days before and after too: clock correction may move an event that is sent again across midnight.
    for near in {day + step for day in days for step in (-A_DAY, A_DAY * 0, A_DAY)}:
        months[f"{near:%Y-%m}"].add(near)
    return [
        # `month` skips whole partitions, `day` skips row groups: without them every late event would scan the whole
        # lake.
        f"project_id = {project} AND month = '{month}' AND day IN ({table.day_list(near)})"
        for month, near in sorted(months.items())
    ]
