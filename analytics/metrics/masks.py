"""Bit masks of active periods: one bit per period, 62 bits per integer, which fits every engine's bigint.

A person's periods are collected in one pass (bit_or of 1 << period), and people with equal masks are counted together.
So a hundred periods take little longer than one.
"""

from typing import cast

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr import types as ir
from numpy.typing import NDArray

from analytics.metrics.expressions import all_of, any_of, equal, if_else, integer, is_between
from analytics.metrics.functions import bit_or

# Not 63: `1 << BITS` must fit in a signed bigint, and has_since relies on words that are never negative.
BITS = 62


def names(prefix: str, periods: int) -> list[str]:
    """The names of the columns for this many periods."""
    return [f"{prefix}{word}" for word in range(-(-periods // BITS))]


def collect(
    prefix: str, period: ir.IntegerValue, counts: ir.BooleanValue, periods: int
) -> dict[str, ir.IntegerScalar]:
    """Aggregates for a grouped table: the periods (0 to periods - 1) of the rows where `counts` is true, as bits."""
    marked = {name: if_else(counts, word, integer(0)) for name, word in bits(prefix, period, periods).items()}
    return {name: bit_or(word) for name, word in marked.items()}


def bits(prefix: str, period: ir.IntegerValue, periods: int) -> dict[str, ir.IntegerValue]:
    """One period as bits. No bit is set if the period is null, negative, or at least `periods`."""
    return {
        name: _word(period, word * BITS, min((word + 1) * BITS, periods) - 1)
        for word, name in enumerate(names(prefix, periods))
    }


def _word(period: ir.IntegerValue, first: int, last: int) -> ir.IntegerValue:
    # Some engines compute 1 << n in 32 bits. Shifting the highest bit down stays in 64 bits on all of them.
    highest = integer(1 << BITS) >> cast("ir.IntegerValue", BITS + first - period)
    return if_else(is_between(period, first, last), highest, integer(0))


def by_word(rows: ir.Table, keys: list[str], periods: int) -> ir.Table:
    """keys, word, bits: the periods of all rows (0 to periods - 1), with one row for each word that has bits.

    With several words this is three times as fast as one column per word.
    """
    if periods <= BITS:
        bits = integer(1 << BITS) >> (BITS - rows["period"])
        return rows.group_by(keys).agg(bits=bit_or(bits)).mutate(word=ibis.literal(0, "int64"))
    bits = integer(1 << BITS) >> (BITS - rows["period"] % BITS)
    marked = rows.select(*keys, word=rows["period"] // BITS, bits=bits)
    return marked.group_by([*keys, "word"]).agg(bits=bit_or(marked["bits"]))


def has(table: ir.Table, prefix: str, period: int) -> ir.BooleanValue:
    """Whether the bit of one period is set."""
    return equal(bit(table, prefix, period), 1)


def bit(table: ir.Table, prefix: str, period: int) -> ir.IntegerValue:
    """The bit of one period, 0 or 1."""
    word: ir.IntegerColumn = table[f"{prefix}{period // BITS}"]
    return (word >> (period % BITS)) & 1


def has_since(table: ir.Table, prefix: str, period: int, periods: int) -> ir.BooleanValue:
    """Whether the bit of this period or of any later one is set."""
    first = period // BITS
    later = [table[name] > 0 for name in names(prefix, periods)[first + 1 :]]
    return any_of(table[f"{prefix}{first}"] >> (period % BITS) > 0, *later)


def empty(table: ir.Table, prefix: str, periods: int) -> ir.BooleanValue:
    """Whether no bit is set."""
    return all_of(*(table[name] == 0 for name in names(prefix, periods)))


def unpack(tally: pa.Table, prefix: str, periods: int) -> NDArray[np.float64]:
    """The bits as a matrix of zeros and ones: one row per period, one column per row of the table."""
    # float64, because NumPy multiplies matrices of integers many times slower. Sums are exact up to 2^53.
    found = np.empty((periods, tally.num_rows))
    words = [tally.column(name).to_numpy() for name in names(prefix, periods)]
    for period in range(periods):
        found[period] = (words[period // BITS] >> (period % BITS)) & 1
    return found
