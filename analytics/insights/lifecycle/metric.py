"""Lifecycle: who is new, returning or resurrecting in a period, and who of the period before is dormant.

One pass finds each person's periods as bits, from the period before the window, and the period of their first event.
People with equal values are counted together. The people behind a figure come from the same bits.
"""

from typing import Literal, get_args

import numpy as np
import pyarrow as pa
from ibis.expr import types as ir
from numpy.typing import NDArray

from analytics.metrics import masks
from analytics.metrics.filters import EventFilter
from analytics.metrics.sources import Source

Status = Literal["new", "returning", "resurrecting", "dormant"]
STATUSES: tuple[Status, ...] = get_args(Status)

FIRST = "first"
LONG_AGO = -1
"""The first period of people who were first seen before the window."""

ROWS = 50_000
"""Rows that are unpacked at a time: with 1,000 periods they take 400 MB."""


def people(source: Source, event_filter: EventFilter) -> ir.Table:
    """person_id, first, a0...: everyone who was active in the window.

    source   with history; its window begins one period before the question's first
    first    period of the person's first event of any name; LONG_AGO if that is before the window
    a        periods of the window with a matching event, as bits (see metrics.masks)
    """
    rows, periods = source.table, len(source.window)
    counts = source.matches(event_filter) & source.within()
    found = rows.group_by("person_id").agg(
        first=rows["period"].min(), **masks.collect("a", rows["period"], counts, periods)
    )
    # Clipped: each earlier first period would otherwise be a group of its own in the tally.
    found = found.mutate(first=found[FIRST].clip(lower=LONG_AGO))
    return found.filter(~masks.empty(found, "a", periods))


def tally(people: ir.Table) -> ir.Table:
    """first, a0..., people: how many people have these values."""
    same = [name for name in people.columns if name != "person_id"]
    return people.group_by(same).agg(people=people.count())


def statuses(tally: pa.Table, periods: int) -> dict[Status, list[int]]:
    """People by status and period. The tally has one more period at its beginning."""
    found = {status: np.zeros(periods) for status in STATUSES}
    for begin in range(0, tally.num_rows, ROWS):
        part = tally.slice(begin, ROWS)
        weight = part.column("people").to_numpy().astype(np.float64)
        for status, has in by_status(part, periods).items():
            found[status] += has @ weight
    return {status: [round(count) for count in counts] for status, counts in found.items()}


def by_status(part: pa.Table, periods: int) -> dict[Status, NDArray[np.bool_]]:
    """For people or a tally: one row per period, one column per row of the table."""
    active = masks.unpack(part, "a", periods + 1).astype(bool)
    before, now = active[:-1], active[1:]
    first = part.column(FIRST).to_numpy()
    new = now & (first[np.newaxis, :] == np.arange(1, periods + 1)[:, np.newaxis])
    return {
        "new": new,
        "returning": now & before,
        "resurrecting": now & ~before & ~new,
        "dormant": before & ~now,
    }


def members(people: ir.Table, *, period: int, status: Status) -> ir.Table:
    """person_id of those with a status in a period; 0 is the question's first."""
    return people.filter(has(people, period, status)).select("person_id")


def has(people: ir.Table, period: int, status: Status) -> ir.BooleanValue:
    """Whether each person has a status in a period."""
    now, before = masks.has(people, "a", period + 1), masks.has(people, "a", period)
    new: ir.BooleanValue = people[FIRST] == period + 1
    conditions = {
        "new": now & new,
        "returning": now & before,
        "resurrecting": now & ~before & ~new,
        "dormant": before & ~now,
    }
    return conditions[status]
