"""Random histories, and the tables that the engine would see of them."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
from hypothesis import strategies as st
from ibis.expr import types as ir

from analytics.lake.columns import arrow_schema
from tests.reference import Happened

PEOPLE = ["Ana", "Bo", "Cy", "Dee", "Eve"]
EVENTS = ["sign up", "write", "share"]
BEGIN = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)
"""A fortnight with a change of clocks in New York before it and one in Berlin within."""


def happenings(days: int = 16) -> st.SearchStrategy[list[Happened]]:
    """Up to 40 events of five people and of nobody, on whole and broken hours, some at the same moment."""
    moment = st.integers(-3 * 24 * 2, days * 24 * 2).map(lambda half: BEGIN + dt.timedelta(minutes=30 * half))
    plan = st.fixed_dictionaries({}, optional={"plan": st.sampled_from(["free", "pro", 3, True, None])})
    return st.lists(
        st.builds(Happened, st.sampled_from([*PEOPLE, None]), st.sampled_from(EVENTS), moment, plan),
        max_size=40,
    )


def person_id(name: str | None) -> int | None:
    return None if name is None else PEOPLE.index(name) + 1


def names(ids: Sequence[int]) -> set[str]:
    return {PEOPLE[id - 1] for id in ids}


def events_table(history: Sequence[Happened]) -> ir.Table:
    """What an engine shows of raw events."""
    schema = arrow_schema(
        person_id=pa.int64(),
        event=pa.string(),
        timestamp=pa.timestamp("us", "UTC"),
        day=pa.date32(),
        path=pa.string(),
        properties=pa.string(),
    )
    rows = [
        {
            "person_id": person_id(happened.person),
            "event": happened.event,
            "timestamp": happened.at,
            "day": happened.at.date(),
            "path": happened.properties.get("path"),
            "properties": json.dumps(happened.properties),
        }
        for happened in history
    ]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))


def activity_table(history: Sequence[Happened], zone: ZoneInfo) -> ir.Table:
    """What rollup makes of them: a row per person, local day and event name."""
    counts: dict[tuple[dt.date, int | None, str], int] = defaultdict(int)
    for happened in history:
        local = happened.at.astimezone(zone).date()
        counts[local, person_id(happened.person), happened.event] += 1
    schema = arrow_schema(day=pa.date32(), person_id=pa.int64(), event=pa.string(), count=pa.int64())
    rows = [
        {"day": day, "person_id": person, "event": event, "count": count}
        for (day, person, event), count in counts.items()
    ]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))
