"""Trends: events, people and amounts per period, of one series.

Amounts are sums per period; people are collected as bits per person (see masks), which also tells how many different
people there were over the whole window. The people behind a bar come from the same bits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from analytics.metrics import masks
from analytics.metrics.filters import EventFilter, property_number
from analytics.metrics.sources import Source

WHOLE, OTHER, NONE = "", "$other", "$none"
"""Parts of a series: all of it (without a breakdown), values beyond the top ones, and not set."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One bar: events, people, the sum of a property, and how many events had it as a number."""

    times: int = 0
    people: int = 0
    amount: float = 0.0
    numbers: int = 0


def rows(
    source: Source, meant: EventFilter, *, amount: str | None = None, part: ir.Value | None = None
) -> ir.Table:
    """What one series counts: person_id, period, times, amount (a property as a number), part (the breakdown)."""
    table = source.table
    found = table.mutate(
        amount=ibis.null("float64") if amount is None else property_number(table, amount),
        **({} if part is None else {"part": part.fill_null(NONE)}),
    )
    chosen = found.filter(source.matches(meant), source.within())
    return chosen.select("person_id", "period", "times", "amount", *_keys(found))


def top(rows: ir.Table, limit: int) -> ir.Table:
    """part, times: the values with the most events, `limit` at most; what is not set comes extra."""
    known = rows.filter(rows["part"] != NONE)
    sums = known.group_by("part").agg(times=known["times"].sum())
    return sums.order_by(sums["times"].desc(), sums["part"]).limit(limit)


def _keys(rows: ir.Table) -> list[str]:
    """What divides the rows; nothing without a breakdown, for grouping by a constant is slow all the same."""
    return [name for name in ("part",) if name in rows.columns]


def kept(rows: ir.Table, parts: list[str]) -> ir.Table:
    """The same rows, with all values but these (and not set) called OTHER."""
    stays = rows["part"].isin([*parts, NONE])
    return rows.mutate(part=ibis.ifelse(stays, rows["part"], OTHER))


def amounts(rows: ir.Table) -> ir.Table:
    """part, period, times, amount (the sum), numbers (how many rows had one)."""
    keys = _keys(rows)
    found = rows.group_by([*keys, "period"]).agg(
        times=rows["times"].sum(), amount=rows["amount"].sum(), numbers=rows["amount"].count()
    )
    return found if keys else found.mutate(part=ibis.literal(WHOLE))


def people(rows: ir.Table, periods: int) -> ir.Table:
    """part, person_id, word, bits: in which periods each person was active (see masks.by_word)."""
    return masks.by_word(rows, [*_keys(rows), "person_id"], periods)


def tally(people: ir.Table, periods: int) -> ir.Table:
    """part, word, p0... (people per period of the word), everyone (different people over the whole window)."""
    keys = _keys(people)
    bits = range(min(periods, masks.BITS))
    sums = {f"p{bit}": ((people["bits"] >> bit) & 1).sum() for bit in bits}
    counts = people.group_by([*keys, "word"])
    if periods <= masks.BITS:
        found = counts.agg(everyone=people.count(), **sums)
    elif keys:
        everyone = people.group_by(keys).agg(everyone=people["person_id"].nunique())
        found = counts.agg(**sums).join(everyone, keys)
    else:
        found = counts.agg(**sums).cross_join(people.agg(everyone=people["person_id"].nunique()))
    return found if keys else found.mutate(part=ibis.literal(WHOLE))


def per_period(tally: pa.Table, part: str, periods: int) -> tuple[list[int], int]:
    """People per period, and different people over the whole window, of one part of a computed tally."""
    counts, everyone = [0] * periods, 0
    for row in tally.filter(pc.equal(tally["part"], part)).to_pylist():
        everyone = row["everyone"]
        for period in range(row["word"] * masks.BITS, min((row["word"] + 1) * masks.BITS, periods)):
            counts[period] = int(row[f"p{period % masks.BITS}"])
    return counts, everyone


def members(people: ir.Table, *, part: str, period: int | None) -> ir.Table:
    """person_id of those behind one bar; of the whole series when there is no period."""
    found = people.filter(people["part"] == part) if _keys(people) else people
    if period is None:
        return found.select("person_id").distinct()
    word, bit = divmod(period, masks.BITS)
    return found.filter(found["word"] == word, (found["bits"] >> bit) & 1 == 1).select("person_id")


def measure(name: str, counted: Counted) -> float | None:
    """The value of a measure (total, people, per_person, sum:..., avg:...); null where it would divide by nothing."""
    return _MEASURES[name.partition(":")[0]](counted)


_MEASURES: dict[str, Callable[[Counted], float | None]] = {
    "total": lambda counted: counted.times,
    "people": lambda counted: counted.people,
    "per_person": lambda counted: counted.times / counted.people if counted.people else None,
    "sum": lambda counted: counted.amount,
    "avg": lambda counted: counted.amount / counted.numbers if counted.numbers else None,
}
