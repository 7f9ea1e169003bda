"""Formulas over series: arithmetic, and nothing but arithmetic."""

import pytest

from analytics.insights.trends.formula import FormulaError, Value, evaluate, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A/B", 2.5),
        ("A + B * 2", 9.0),
        ("(A+B)*2", 14.0),
        ("-A", -5.0),
        ("100*A/(A+B)", 500 / 7),
        ("1e3", 1000.0),
    ],
)
def test_arithmetic(text: str, expected: float) -> None:
    assert evaluate(parse(text, 2), {"A": 5, "B": 2}) == pytest.approx(expected)


@pytest.mark.parametrize("values", [{"A": 5.0, "B": 0.0}, {"A": None, "B": 1.0}])
def test_dividing_by_zero_and_by_nothing_known_is_nothing(values: dict[str, Value]) -> None:
    assert evaluate(parse("A/B", 2), values) is None


def test_a_number_beyond_all_bounds_is_nothing() -> None:
    assert evaluate(parse("A*A*A", 1), {"A": 1e200}) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A/C", "there is no series C; there are: A, B"),
        ("A//B", "brackets are allowed"),
        ("A**9999999", "brackets are allowed"),
        ("__import__('os')", "brackets are allowed"),
        ("A.real", "brackets are allowed"),
        ("A if B else 1", "brackets are allowed"),
        ("'x'", "is not a number"),
        ("True", "is not a number"),
        ("1j", "is not a number"),
        ("A B", "is not a formula"),
        ("", "is not a formula"),
        ("A\0", "is not a formula"),
        ("(" * 150, "is not a formula"),
        ("A+" * 150 + "A", "at most 200 characters"),
    ],
)
def test_all_else_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(FormulaError, match=says):
        parse(text, 2)
