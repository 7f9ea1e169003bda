"""Intervals and tests for rates, against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analytics.metrics.intervals import compare, fisher, two_proportions, wilson

GROUP = st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))
CROWD = st.integers(1_000, 50_000).flatmap(lambda of: st.tuples(st.integers(1, of - 1), st.just(of)))


@given(GROUP)
def test_wilson_equals_scipy(group: tuple[int, int]) -> None:
    oracle = stats.binomtest(*group).proportion_ci(method="wilson")
    assert wilson(*group) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def test_three_of_ten_may_be_a_tenth_or_six_tenths() -> None:
    assert wilson(3, 10) == pytest.approx((0.108, 0.603), abs=0.001)
    assert wilson(0, 5) == pytest.approx((0, 0.434), abs=0.001)


def test_nobody_has_no_interval() -> None:
    assert wilson(0, 0) is None


@given(GROUP, GROUP)
def test_fisher_equals_scipy(a: tuple[int, int], b: tuple[int, int]) -> None:
    table = np.array([[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]])
    assert fisher(*a, *b) == pytest.approx(stats.fisher_exact(table).pvalue, abs=1e-6)


@given(CROWD, CROWD)
def test_z_equals_the_chi_square_test_without_correction(a: tuple[int, int], b: tuple[int, int]) -> None:
    table = np.array([[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]])
    oracle = stats.chi2_contingency(table, correction=False)
    assert two_proportions(*a, *b) == pytest.approx(float(oracle.pvalue), abs=1e-9)


def test_few_people_are_compared_exactly_and_many_by_z() -> None:
    assert compare(3, 10, 600, 1_000).test == "fisher"
    assert compare(300, 1_000, 600, 1_000).test == "z"


def test_three_of_ten_and_six_of_ten_cannot_be_told_apart() -> None:
    assert not compare(3, 10, 6, 10).differs
    assert compare(2, 10, 8, 10).differs


def test_equal_and_empty_groups_do_not_differ() -> None:
    assert compare(0, 0, 5, 10).p_value == pytest.approx(1)
    assert compare(0, 2_000, 0, 2_000).p_value == 1
    assert compare(2_000, 2_000, 0, 2_000).p_value == pytest.approx(0, abs=1e-9)
