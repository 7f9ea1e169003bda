"""What is asked of the crowd: each question as Firsthand is asked it, and as ClickHouse would be.

ClickHouse gets the best way that we know: exact distinct counts with their total for trends, and for retention the
same idea of a bit per period that Firsthand uses. Its rows are (keys..., count), see `figures` for the keys.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analytics.insights.questions import Place
from analytics.insights.retention.figures import Triangle
from analytics.insights.trends.figures import TrendFigures

Figure = dict[tuple[Any, ...], int]
"""Retention: people by (cohort, offset). Trends: people by (period,), everyone by (-1,), events by (part, period)."""

YEAR = {"from": "2025-01-01", "to": "2025-12-31"}
NOVEMBER = {"from": "2025-11-01", "to": "2025-11-30"}
LOCAL = "toDate(\"timestamp\", '{zone}')"
DAY = f"dateDiff('day', toDate('2025-01-01'), {LOCAL})"
WEEK = f"dateDiff('week', toDate('2024-12-30'), {LOCAL})"
MONTH = f"dateDiff('month', toDate('2025-01-01'), {LOCAL})"
PLAN = "JSONExtractString(properties, 'plan')"
NOVEMBERS = f"dateDiff('day', toDate('2025-11-01'), {LOCAL})"


@dataclass(frozen=True, slots=True)
class Question:
    """`places` are where Firsthand can read the answer, the one that it would choose first."""

    title: str
    kind: str
    body: dict[str, Any]
    places: tuple[Place, ...]
    clickhouse: str
    read: Callable[[Any], Figure]


def people_of_bars(found: TrendFigures) -> Figure:
    [series] = found.series
    bars = {(period,): people for period, people in enumerate(series.people)}
    return _some({**bars, (-1,): series.everyone or 0})


def events_of_bars(found: TrendFigures) -> Figure:
    return _some(
        {
            (series.part, period): events
            for series in found.series
            for period, events in enumerate(series.times)
        }
    )


def people_of_cells(found: Triangle) -> Figure:
    return _some(
        {
            (cohort, offset): people
            for cohort, row in enumerate(found.cells)
            for offset, people in enumerate(row)
        }
    )


def _some(figures: Figure) -> Figure:
    return {key: count for key, count in figures.items() if count}


def _people(period: str, periods: int, where: str = "true") -> str:
    # ROLLUP's total has the key 0, so that bars are counted from 1 here and moved back outside.
    return f"""
        SELECT toInt32(bar) - 1 AS period, people
        FROM (
            SELECT {period} + 1 AS bar, uniqExact(person_id) AS people
            FROM {{events}}
            WHERE {where} AND bar BETWEEN 1 AND {periods}
            GROUP BY bar WITH ROLLUP
        )"""


def _events_by(part: str, period: str, periods: int, where: str) -> str:
    return f"""
        SELECT part, period, events
        FROM (
            SELECT {part} AS part, {period} AS period, count() AS events, uniqExact(person_id) AS people
            FROM {{events}}
            WHERE {where} AND period BETWEEN 0 AND {periods - 1}
            GROUP BY part, period
            ORDER BY people
        )"""


def _retention(period: str, periods: int, *, first: bool, start: str = "true", back: str = "true") -> str:
    """Bits per person, then people per bits, then the triangle of those."""
    bit = f"bitShiftLeft(toUInt64(1), {period})"
    earliest = f"minIf({period}, {start})"
    cohorts = "[earliest]" if first else "bitPositionsToArray(bits)"
    return f"""
        WITH people AS (
            SELECT groupBitOr(if({back}, {bit}, 0)) AS bits, {earliest if first else 0} AS earliest
            FROM {{events}}
            WHERE {period} BETWEEN 0 AND {periods - 1} AND (({start}) OR ({back}))
            GROUP BY person_id
            HAVING countIf({start}) > 0
        ),
        alike AS (SELECT bits, earliest, count() AS people FROM people GROUP BY bits, earliest),
        starts AS (SELECT bits, people, toInt64(arrayJoin({cohorts})) AS cohort FROM alike),
        cells AS (
            SELECT people, cohort,
                arrayJoin(arrayConcat([0], arrayFilter(k -> k > 0, arrayMap(
                    at -> toInt64(at) - cohort, bitPositionsToArray(bits))))) AS later
            FROM starts
        )
        SELECT cohort, later, sum(people) FROM cells GROUP BY cohort, later"""


QUESTIONS = (
    Question(
        "people per day of a year",
        "trends",
        YEAR | {"series": [{"measure": "people"}]},
        ("activity", "events"),
        _people(DAY, 365),
        people_of_bars,
    ),
    Question(
        "people per week of a year",
        "trends",
        YEAR | {"series": [{"measure": "people"}], "interval": "week"},
        ("activity", "events"),
        _people(WEEK, 53),
        people_of_bars,
    ),
    Question(
        "people who wrote, per day of 30",
        "trends",
        NOVEMBER | {"series": [{"event": "wrote", "measure": "people"}]},
        ("activity", "events"),
        _people(NOVEMBERS, 30, "event = 'wrote'"),
        people_of_bars,
    ),
    Question(
        "events by path, per month of a year",
        "trends",
        YEAR | {"series": [{"event": "$pageview"}], "interval": "month", "breakdown": {"property": "path"}},
        ("events",),
        _events_by("path", MONTH, 12, "event = '$pageview'"),
        events_of_bars,
    ),
    Question(
        "events by browser, per day of a year",
        "trends",
        YEAR | {"series": [{}], "breakdown": {"property": "browser"}},
        ("events",),
        _events_by("browser", DAY, 365, "true"),
        events_of_bars,
    ),
    Question(
        "events by plan (in the properties), per week of a year",
        "trends",
        YEAR | {"series": [{}], "interval": "week", "breakdown": {"property": "plan"}},
        ("events",),
        _events_by(PLAN, WEEK, 53, "true"),
        events_of_bars,
    ),
    Question(
        "events of plan pro (in the properties), per week of a year",
        "trends",
        YEAR
        | {"series": [{}], "interval": "week", "where": [{"property": "plan", "op": "is", "value": "pro"}]},
        ("events",),
        _events_by("NULL", WEEK, 53, f"{PLAN} = 'pro'"),
        events_of_bars,
    ),
    Question(
        "retention: first time, any event, 53 weeks",
        "retention",
        YEAR,
        ("served", "activity", "events"),
        _retention(WEEK, 53, first=True),
        people_of_cells,
    ),
    Question(
        "retention: recurring, any event, 53 weeks",
        "retention",
        YEAR | {"kind": "recurring"},
        ("activity", "events"),
        _retention(WEEK, 53, first=False),
        people_of_cells,
    ),
    Question(
        "retention: first time, signup then wrote, 53 weeks",
        "retention",
        YEAR | {"start": {"event": "signup"}, "return": {"event": "wrote"}},
        ("activity", "events"),
        _retention(WEEK, 53, first=True, start="event = 'signup'", back="event = 'wrote'"),
        people_of_cells,
    ),
    Question(
        "retention: recurring, any event, 30 days",
        "retention",
        NOVEMBER | {"period": "day", "kind": "recurring"},
        ("activity", "events"),
        _retention(NOVEMBERS, 30, first=False),
        people_of_cells,
    ),
)
