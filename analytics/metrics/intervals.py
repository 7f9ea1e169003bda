"""Wilson's interval for a rate, and tests for whether two rates differ.

Rates carry a 95 % interval. Two rates are compared by Fisher's exact test when either group has fewer than 1,000
people, else by the two-proportion z test. Both are two-sided. So small groups rarely look significant by chance.
"""

from dataclasses import dataclass
from math import erfc, exp, inf, lgamma, sqrt
from typing import Literal

Z95 = 1.959963984540054
EXACT_BELOW = 1_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """The p-value of "the two rates are equal", and the test used."""

    p_value: float
    test: Literal["fisher", "z"]

    @property
    def differs(self) -> bool:
        return self.p_value < 0.05


def wilson(count: int, of: int) -> tuple[float, float] | None:
    """The 95 % Wilson score interval of count / of; None when `of` is 0."""
    if of <= 0:
        return None
    rate, square = count / of, Z95 * Z95
    middle = (rate + square / (2 * of)) / (1 + square / of)
    half = Z95 / (1 + square / of) * sqrt(rate * (1 - rate) / of + square / (4 * of * of))
    # Exactly 0 and 1 at the ends: with rounding, 0 of 10 could have a lower bound above 0.
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == of else min(1.0, middle + half)
    return low, high


def compare(count_a: int, of_a: int, count_b: int, of_b: int) -> Comparison:
    """Compare two rates. With an empty group p is 1."""
    if min(of_a, of_b) < EXACT_BELOW:
        return Comparison(fisher(count_a, of_a, count_b, of_b), "fisher")
    return Comparison(two_proportions(count_a, of_a, count_b, of_b), "z")


def fisher(count_a: int, of_a: int, count_b: int, of_b: int) -> float:
    """Fisher's exact test, two-sided: the probability of a table at most as likely as this one, with equal margins."""
    successes, everyone = count_a + count_b, of_a + of_b
    least, most = max(0, successes - of_b), min(successes, of_a)

    def log_chance(count: int) -> float:
        return (
            _log_choose(of_a, count) + _log_choose(of_b, successes - count) - _log_choose(everyone, successes)
        )

    # Tolerance: rounding must not exclude tables that are exactly as likely as this one.
    limit = log_chance(count_a) + 1e-7
    chances = (log_chance(count) for count in range(least, most + 1))
    return min(1.0, sum(exp(chance) for chance in chances if chance <= limit))


def two_proportions(count_a: int, of_a: int, count_b: int, of_b: int) -> float:
    """The two-proportion z test with a pooled rate, two-sided."""
    pooled = (count_a + count_b) / (of_a + of_b)
    error = sqrt(pooled * (1 - pooled) * (1 / of_a + 1 / of_b))
    gap = abs(count_a / of_a - count_b / of_b)
    # With a pooled rate of 0 or 1 the error is zero.
    z = gap / error if error else (inf if gap else 0.0)
    return erfc(z / sqrt(2))


def _log_choose(of: int, count: int) -> float:
    # Logarithms: the factorial of 171 already overflows float64.
    return lgamma(of + 1) - lgamma(count + 1) - lgamma(of - count + 1)
