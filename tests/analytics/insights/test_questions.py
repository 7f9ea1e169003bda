"""Questions that cannot be answered: each refusal says where and what to write."""

from typing import Any

import pytest

from analytics.insights.questions import QueryError
from analytics.insights.registry import KINDS
from analytics.insights.retention.question import Retention
from analytics.insights.trends.question import Trends
from analytics.query.answers import parse

RANGE = {"from": "2026-03-02", "to": "2026-03-08"}


def refusal(kind: str, body: Any) -> str:
    with pytest.raises(QueryError) as refused:
        parse(kind, body)
    return str(refused.value)


def trends(**more: Any) -> dict[str, Any]:
    return {"series": [{"event": "write"}]} | RANGE | more


def where(**item: Any) -> dict[str, Any]:
    return trends(where=[{"property": "plan", "op": "is", "value": "pro"} | item])


def test_it_works() -> None:
    query = parse("trends", trends(where=[{"property": "plan", "op": "in", "value": ["pro", 3]}]))
    assert isinstance(query, Trends)
    assert query.where[0].value == ("pro", 3)
    assert isinstance(parse("retention", RANGE), Retention)


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("funnels", {}, f"there is no insight 'funnels'; choose one of {', '.join(KINDS)}"),
        ("trends", [], "Expected `object`, got `array`"),
        ("trends", None, "Expected `object`, got `null`"),
        ("trends", RANGE, "missing required field `series`"),
        ("trends", trends(series=[]), "series: Expected `array` of length >= 1"),
        ("trends", trends(series=[{}] * 11), "series: Expected `array` of length <= 10"),
        ("trends", trends(series=[{"measure": "median:x"}]), "series[0].measure"),
        (
            "trends",
            trends(series=[{"measure": "mean"}]),
            "write total, people, per_person, sum:PROPERTY or avg:PROPERTY",
        ),
        ("trends", trends(series=[{"measure": "sum:"}]), "series[0].measure"),
        ("trends", trends(series=[{"event": 3}]), "series[0].event: Expected `str | null`"),
        (
            "trends",
            trends(series=[{"event": ""}]),
            "series[0].event: an event name cannot be empty; use null for any event",
        ),
        (
            "trends",
            trends(interval="year"),
            "interval: Invalid enum value 'year'; write hour or day or week or month",
        ),
        ("trends", trends(breakdown={"property": "plan", "limit": 0}), "breakdown.limit"),
        (
            "trends",
            where(op="in", value=["pro"] * 201),
            "where[0].value: too many values; at most 200 in all filters",
        ),
        ("trends", trends(colour="red"), "unknown field `colour`"),
        ("trends", trends(to="2026-03-01"), "from: 2026-03-02 is after `to`, 2026-03-01"),
        ("trends", trends(to="8 March"), "to: not a date; write it like 2026-01-31"),
        (
            "trends",
            trends(**{"from": "0001-01-01"}),
            "from: 0001-01-01 is out of range; write a day from 1970-01-01",
        ),
        ("trends", trends(to="9999-12-31"), "to: 9999-12-31 is out of range"),
        ("trends", trends(interval="hour", to="2026-05-01"), "to: 1,464 hours are too many (at most 1,000)"),
        (
            "retention",
            {"from": "2020-01-01", "to": "2026-01-01", "period": "day"},
            "to: 2,193 days are too many",
        ),
        ("retention", RANGE | {"periods": 0}, "periods: Expected `int` >= 1"),
        ("retention", RANGE | {"min_occurrences": 0}, "min_occurrences: Expected `int` >= 1"),
        (
            "retention",
            RANGE | {"kind": "once"},
            "kind: Invalid enum value 'once'; write recurring, first_time or first_ever",
        ),
        ("retention", RANGE | {"cohort": "7"}, "cohort: saved cohorts are not supported"),
        ("trends", trends(cohort="7"), "cohort: saved cohorts are not supported"),
        ("trends", trends(formula="A/B"), "formula: there is no series B; there are: A"),
        ("trends", trends(formula="import os"), "formula: 'import os' is not a formula"),
        ("trends", where(op="like"), "where[0].op: Invalid enum value 'like'; write is, is_not, contains"),
        ("trends", where(property=""), "where[0].property: name a property"),
        (
            "trends",
            where(value=None),
            "where[0].value: `is` needs a value; for a missing property use `not_set`",
        ),
        ("trends", where(op="set"), "where[0].value: `set` takes no value"),
        ("trends", where(op="in"), "where[0].value: `in` needs a list of values"),
        (
            "trends",
            where(op="in", value=["pro", None]),
            "where[0].value: null is not a value; for a missing property use `not_set`",
        ),
        ("trends", trends(breakdown={"property": ""}), "breakdown.property: name a property"),
        ("trends", where(op="in", value=[]), "where[0].value: `in` needs a list of values"),
        ("trends", where(value=["a"]), "where[0].value: `is` takes one value; for any of several use `in`"),
        ("trends", where(value={"a": 1}), "where[0].value"),
        (
            "trends",
            where(op="matches", value="(a"),
            "where[0].value: not an RE2 regular expression: missing )",
        ),
        ("trends", where(op="matches", value="(?=a)"), "where[0].value: not an RE2 regular expression"),
        (
            "trends",
            where(op="matches", value=3),
            "where[0].value: `matches` needs a regular expression, as text",
        ),
        ("trends", where(op="gt", value=float("nan")), "where[0].value: numbers go up to 1e+300"),
        ("trends", where(op="gt", value=10**400), "where[0].value"),
        (
            "trends",
            where(value="a\0b"),
            "where[0].value: NUL and lone surrogates are not allowed",
        ),
        (
            "trends",
            where(value="\ud800"),
            "where[0].value: NUL and lone surrogates are not allowed",
        ),
        ("trends", where(property="x" * 3000), "where[0].property: 3,000 characters are too many"),
        ("retention", RANGE | {"start": {"event": "a\0"}}, "start.event: NUL and lone surrogates"),
        (
            "retention",
            RANGE | {"return": {"where": [{"property": "a", "op": "is"}]}},
            "return.where[0].value: `is` needs a value",
        ),
    ],
)
def test_refusals_say_where_and_what_to_write(kind: str, body: Any, says: str) -> None:
    assert says in refusal(kind, body)
