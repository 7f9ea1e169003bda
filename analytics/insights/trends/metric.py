"""Trends: events, people and amounts per period, of one series.

Usually amounts are sums per period, and people are collected as bits per person (see masks), which also gives the
number of different people over the window. Where rows are expensive to read, as with a breakdown, one pass finds
`cells` (what each person did in each period, by value). Everything else is counted from them: the values with the most
events, each bar, and the people behind it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ibis
import pyarrow as pa
from ibis.expr import types as ir

from analytics.metrics import masks
from analytics.metrics.expressions import fill_null, if_else, text
from analytics.metrics.filters import EventFilter, property_number
from analytics.metrics.sources import Source, of_people

OTHER, NONE = "$other", "$none"
"""Parts of a series: all values beyond the top ones, and events without a value."""

_ADDED = ("times", "amount", "numbers")


@dataclass(frozen=True, slots=True)
class Counted:
    """One bar: events, people, the sum of a property, and how many events had it as a number."""

    times: int = 0
    people: int = 0
    amount: float = 0.0
    numbers: int = 0


def rows(
    source: Source,
    event_filter: EventFilter,
    *,
    amount: str | None = None,
    part: ir.StringValue | None = None,
) -> ir.Table:
    """What one series counts: person_id, period, times.

    With an amount (a property) also `amount`, its number, and `numbers`, whether it has one; with a part (what divides
    the series) also `part`, null where it is not set.
    """
    table = source.table
    added: dict[str, ir.Value] = {} if part is None else {"part": part}
    if amount is not None:
        added["amount"] = property_number(table, amount)
    chosen = table.mutate(**added).filter(source.matches(event_filter), source.within())
    found = chosen.select("person_id", "period", "times", *added)
    return found if amount is None else found.mutate(numbers=found["amount"].notnull().cast("int64"))


def amounts(rows: ir.Table) -> ir.Table:
    """period, times, amount and numbers if the rows have them."""
    return _added(rows, ["period"])


def people(rows: ir.Table, periods: int) -> ir.Table:
    """person_id, word, bits: in which periods each person was active (see masks.by_word)."""
    return masks.by_word(of_people(rows), ["person_id"], periods)


def tally(people: ir.Table, periods: int) -> ir.Table:
    """word, p0... (people per period of the word), everyone (different people over the whole window)."""
    bits = range(min(periods, masks.BITS))
    sums = {f"p{bit}": ((people["bits"] >> bit) & 1).sum() for bit in bits}
    counts = people.group_by("word")
    if periods <= masks.BITS:
        return counts.agg(everyone=people.count(), **sums)
    # With several words a person has several rows. A join, because engines differ in where they allow subqueries.
    return counts.agg(**sums).cross_join(people.agg(everyone=people["person_id"].nunique()))


def per_period(tally: pa.Table, periods: int) -> tuple[list[int], int]:
    """People per period, and different people over the whole window, of a computed tally."""
    counts, everyone = [0] * periods, 0
    for row in tally.to_pylist():
        everyone = row["everyone"]
        for period in range(row["word"] * masks.BITS, min((row["word"] + 1) * masks.BITS, periods)):
            counts[period] = int(row[f"p{period % masks.BITS}"])
    return counts, everyone


def cells(rows: ir.Table) -> ir.Table:
    """person_id, period, times (amount, numbers), one row each: what each person, or nobody, did in each period."""
    return _added(rows, ["person_id", "period"])


def divided(rows: ir.Table, limit: int, *, among: Sequence[ir.Table] = ()) -> ir.Table:
    """Cells with their part, of the `limit` values with the most events.

    All other values are OTHER; what is not set comes extra, as NONE. `among`: rows of several series, whose events
    together decide which values those are; without it, these rows' own.
    """
    found = _added(rows, ["part", "person_id", "period"])
    found = found.mutate(part=_named(found["part"]))
    top = _top(_together(among) if among else found, limit)
    joined = found.left_join(top, found["part"] == top["kept"])
    stays = joined["kept"].notnull() | (joined["part"] == NONE)
    kept = joined.filter(stays).select(found.columns)
    # Summed again: a person with several of the other values in a period must be one cell, not several people.
    rest = joined.filter(~stays).mutate(part=ibis.literal(OTHER))
    return kept.union(_added(rest, ["part", "person_id", "period"]).select(found.columns))


def _named(part: ir.StringValue) -> ir.StringValue:
    """A value that is spelled $other or $none counts as OTHER, so that it cannot be mistaken for ours."""
    return fill_null(if_else(part.isin([text(OTHER), text(NONE)]), text(OTHER), part), NONE)


def _together(series: Sequence[ir.Table]) -> ir.Table:
    counts = [_added(rows.select("part", "times"), ["part"]) for rows in series]
    found = ibis.union(*counts) if len(counts) > 1 else counts[0]
    return found.mutate(part=_named(found["part"]))


def _top(cells: ir.Table, limit: int) -> ir.Table:
    known = cells.filter(cells["part"].notin([NONE, OTHER]))
    sums = known.group_by(kept=known["part"]).agg(times=known["times"].sum())
    # Ties by name: otherwise the list of people could be computed with other top values than the bar.
    return sums.order_by(sums["times"].desc(), sums["kept"]).limit(limit).select("kept")


def bars(cells: ir.Table) -> ir.Table:
    """part, period, people, times (amount, numbers); the row without a period is about the whole window."""
    parts = [name for name in ("part",) if name in cells.columns]
    # Of the column, not of the rows: the cell without a person is nobody's.
    each = _added(cells, [*parts, "period"], people=cells["person_id"].count())
    # nunique, not the sum of the periods: who was active in two of them would count twice.
    whole = _added(cells, parts, people=cells["person_id"].nunique())
    return each.union(whole.mutate(period=ibis.null(each["period"].type())).select(each.columns))


def members(rows: ir.Table, *, part: str | None, period: int | None) -> ir.Table:
    """person_id of those behind one bar, from rows or cells; of the whole series when there is no period."""
    rows = of_people(rows)
    found = rows if part is None else rows.filter(rows["part"] == part)
    if period is not None:
        found = found.filter(found["period"] == period)
    return found.select("person_id").distinct()


def _added(rows: ir.Table, keys: list[str], **more: ir.IntegerScalar) -> ir.Table:
    """The sums of times, amount and numbers by keys, as far as the rows have them."""
    sums = {name: rows[name].sum() for name in _ADDED if name in rows.columns}
    return rows.aggregate(by=keys, **sums, **more)


def measure(name: str, counted: Counted) -> float | None:
    """The value of a measure (total, people, per_person, sum:..., avg:...); None instead of a division by zero."""
    return _MEASURES[name.partition(":")[0]](counted)


_MEASURES: dict[str, Callable[[Counted], float | None]] = {
    "total": lambda counted: counted.times,
    "people": lambda counted: counted.people,
    "per_person": lambda counted: counted.times / counted.people if counted.people else None,
    "sum": lambda counted: counted.amount,
    "avg": lambda counted: counted.amount / counted.numbers if counted.numbers else None,
}
