"""Retention: of those who did the start event in a period, who did the return event in the periods after it.

One pass finds each person's periods as bits: `s` for the periods in which they joined a cohort, `r` for those in which
they came back. People with equal bits are counted together, and the triangle is the product of two bit matrices. The
people behind a cell come from the same bits, so a cell and its list always agree.
"""

from typing import Literal, cast

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr import types as ir
from msgspec import Struct
from numpy.typing import NDArray

from analytics.metrics import masks
from analytics.metrics.expressions import if_else
from analytics.metrics.filters import EventFilter
from analytics.metrics.sources import Source

ROWS = 50_000
"""Distinct masks that are unpacked at a time: with 1,000 periods they take 400 MB."""


class Rules(Struct, frozen=True):
    """What counts as a start and a return (see docs/metrics.md). The defaults are those of a question."""

    start: EventFilter = EventFilter()
    back: EventFilter = EventFilter()
    kind: Literal["recurring", "first_time", "first_ever"] = "first_time"
    counting: Literal["on", "on_or_after"] = "on"
    min_occurrences: int = 1

    @property
    def history(self) -> bool:
        """Whether events before the window matter."""
        return self.kind != "recurring"

    @property
    def same_events(self) -> bool:
        """Whether starts and returns are the same events, so that one set of bits is enough."""
        return self.kind == "recurring" and self.start == self.back and self.min_occurrences == 1

    @property
    def very_first(self) -> bool:
        """Whether a person's first event of the name may fail the filters, which excludes the person."""
        return self.kind == "first_ever" and any(item.on == "event" for item in self.start.where)


def people(source: Source, rules: Rules) -> ir.Table:
    """person_id, s0..., r0...: everyone with at least one start in the window."""
    periods = len(source.window)
    found = _bits(source, rules)
    if rules.history:
        found = _only_first(found, periods)
    return found.filter(~masks.empty(found, "s", periods))


def tally(people: ir.Table) -> ir.Table:
    """s0..., r0..., people: how many people have the same bits."""
    bits = [name for name in people.columns if name != "person_id"]
    return people.group_by(bits).agg(people=people.count())


def triangle(tally: pa.Table, periods: int, counting: str) -> list[list[int]]:
    """People per cohort and offset; offset 0 is the cohort's size, and rows shrink by one."""
    cells = np.zeros((periods, periods))
    sizes = np.zeros(periods)
    for begin in range(0, tally.num_rows, ROWS):
        part = tally.slice(begin, ROWS)
        weight = part.column("people").to_numpy().astype(np.float64)
        started, returned = (masks.unpack(part, prefix, periods) for prefix in "sr")
        if counting == "on_or_after":
            returned = _or_any_later(returned)
        weighted = started * weight
        cells += weighted @ returned.T
        sizes += weighted.sum(axis=1)
    # Offset 0 is the cohort itself, also those who did not do the return event in that period.
    np.fill_diagonal(cells, sizes)
    return [[round(cell) for cell in cells[cohort, cohort:]] for cohort in range(periods)]


def members(people: ir.Table, periods: int, counting: str, *, cohort: int, offset: int) -> ir.Table:
    """person_id of the people in one cell of the triangle."""
    found = people.filter(masks.has(people, "s", cohort))
    if offset == 0:
        return found.select("person_id")
    if counting == "on_or_after":
        return found.filter(masks.has_since(found, "r", cohort + offset, periods)).select("person_id")
    return found.filter(masks.has(found, "r", cohort + offset)).select("person_id")


def _bits(source: Source, rules: Rules) -> ir.Table:
    """Per person the bits, and for first-time cohorts the period of the first start (`first`)."""
    rows = _marked(source, rules)
    periods = len(source.window)
    aggregates = masks.collect("r", rows["period"], rows["back"], periods)
    if rules.history:
        # Not limited to the window: an earlier start means that this is not the person's first.
        aggregates["first"] = rows["period"].min(where=rows["start"])
    elif not rules.same_events:
        aggregates |= masks.collect("s", rows["period"], rows["start"], periods)
    if rules.very_first:
        aggregates["very_first"] = rows["named_at"].min()
        aggregates["first_at"] = rows["start_at"].min()
    found = rows.group_by("person_id").agg(**aggregates)
    if rules.same_events:
        pairs = zip(masks.names("s", periods), masks.names("r", periods), strict=True)
        return found.mutate(**{start: found[back] for start, back in pairs})
    return found.filter(found["first_at"] == found["very_first"]) if "very_first" in aggregates else found


def _marked(source: Source, rules: Rules) -> ir.Table:
    """person_id, period, start, back: which rows are starts and which are returns."""
    table = source.table
    rows = table.select(
        "person_id",
        "period",
        times=table["times"],
        start=source.matches(rules.start),
        back=source.matches(rules.back) & source.within(),
        **_moments(source, rules),
    )
    matching = rows["start"] | rows["back"]
    rows = rows.filter(matching | rows["named_at"].notnull() if "named_at" in rows.columns else matching)
    return _often_enough(rows, rules.min_occurrences) if rules.min_occurrences > 1 else rows


def _moments(source: Source, rules: Rules) -> dict[str, ir.TimestampValue]:
    """For `first_ever`: the time of events with the start's name, and of those that also match its filters."""
    if not rules.very_first:
        return {}
    at: ir.TimestampColumn = source.table["timestamp"]
    nothing = cast("ir.TimestampScalar", ibis.null(at.type()))
    named = source.matches(EventFilter(rules.start.event))
    return {
        "named_at": if_else(named, at, nothing),
        "start_at": if_else(source.matches(rules.start), at, nothing),
    }


def _often_enough(rows: ir.Table, least: int) -> ir.Table:
    moments = {name: rows[name].min() for name in ("named_at", "start_at") if name in rows.columns}
    summed = rows.group_by("person_id", "period").agg(
        start=rows["start"].any(), back=rows["times"].sum(where=rows["back"]) >= least, **moments
    )
    # Without a return event in the period the sum is null, not 0.
    return summed.mutate(back=summed["back"].fill_null(False))


def _only_first(found: ir.Table, periods: int) -> ir.Table:
    """The single cohort of each person as a bit; none if their first start is before the window."""
    returns = {name: found[name] for name in masks.names("r", periods)}
    return found.select("person_id", **masks.bits("s", found["first"], periods), **returns)


def _or_any_later(bits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum.accumulate(bits[::-1], axis=0)[::-1]
