"""Answers, in the shapes of architecture.md section 4; msgspec encodes them for the API, templates read them."""

import datetime as dt
from typing import Any

from msgspec import Struct


class Stamp(Struct, frozen=True):
    """What every answer carries, so that a number can be had again."""

    timezone: str
    data_version: int
    computed_at: dt.datetime
    definition: dict[str, Any]


class Point(Struct, frozen=True):
    """One bar: `start` is the first local day (or hour, ISO) of the period; `complete` is false while it runs.

    `people` are those behind the bar; null for a formula, which is no set of people (its series are).
    """

    start: str
    value: float | None
    people: int | None
    complete: bool


class TrendSeries(Struct, frozen=True):
    """One series, or one value of its breakdown (`$other`: all values beyond the top ones; `$none`: not set).

    total    the measure over the whole range; of people, different people and not the sum of the points
    people   different people over the whole range; null for sums of events, where nobody asked for it, and formulas
    """

    label: str
    event: str | None
    measure: str
    breakdown: str | None
    total: float | None
    people: int | None
    points: list[Point]


class TrendsAnswer(Struct, frozen=True):
    series: list[TrendSeries]
    stamp: Stamp


class RetentionValue(Struct, frozen=True):
    """One cell: `people` of `of`. `interval` is the 95 % Wilson interval of `rate`; both are null of nobody.

    In the average row both are sums over the cohorts whose cell is complete.
    """

    offset: int
    people: int
    of: int
    rate: float | None
    interval: tuple[float, float] | None
    complete: bool


class RetentionCohort(Struct, frozen=True):
    start: str
    people: int
    values: list[RetentionValue]


class RetentionAnswer(Struct, frozen=True):
    cohorts: list[RetentionCohort]
    average: list[RetentionValue]
    stamp: Stamp


class CohortValue(Struct, frozen=True):
    """Of a cohort's people, those who gave one value, once or more often; rates and intervals as in retention."""

    value: str
    people: int
    of: int
    rate: float | None
    interval: tuple[float, float] | None


class CohortValues(Struct, frozen=True):
    start: str
    people: int
    values: list[CohortValue]


class CohortValuesAnswer(Struct, frozen=True):
    cohorts: list[CohortValues]
    stamp: Stamp


Answer = TrendsAnswer | RetentionAnswer | CohortValuesAnswer


class PersonRef(Struct, frozen=True):
    """A person in a list behind a number."""

    id: int
    name: str
    distinct_ids: list[str]
    identified: bool
    first_seen: dt.datetime
    last_seen: dt.datetime
    events: int
    sessions: int


class PeoplePage(Struct, frozen=True):
    """The people behind a figure, a page at a time; `count` equals the figure, `next` is opaque."""

    people: list[PersonRef]
    count: int
    next: str | None
