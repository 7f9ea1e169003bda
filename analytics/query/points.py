"""Naming one figure of an answer: `{"cohort": "2026-01-05", "offset": 1}`, `{"series": 0, "start": "2026-01-01"}`."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from analytics.metrics.cohorts import EVERYONE
from analytics.metrics.periods import Window
from analytics.query.spec import CohortValues, Query, QueryError, Retention, Trends

Count = Annotated[int, Meta(ge=0)]


class RetentionPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A cell: the cohort by its start, and how many periods later."""

    cohort: str
    offset: Count = 0


class TrendPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A bar, or without `start` the whole series; `breakdown` as the answer names it."""

    series: Count = 0
    start: str | None = None
    breakdown: str | None = None


class CohortPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Those of a cohort who gave a value, or without one the whole cohort."""

    cohort: str
    value: str | None = None


class RetentionFigure(Struct, frozen=True):
    cohort: int
    offset: int


class TrendFigure(Struct, frozen=True):
    series: int
    part: str | None
    period: int | None


class CohortFigure(Struct, frozen=True):
    cohort: int
    value: str


Figure = RetentionFigure | TrendFigure | CohortFigure


def figure(query: Query, window: Window, point: object) -> Figure:
    """The figure that a point names, by number. Raises QueryError when the answer has no such figure."""
    form, read = _READ[type(query)]
    try:
        asked = msgspec.convert(point, form)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise QueryError("point" + where.rstrip("`").removeprefix("$"), message) from error
    return read(query, window, asked)


def _retention(query: Retention, window: Window, point: RetentionPoint) -> Figure:
    cohort = _period("point.cohort", window, point.cohort)
    width = min(len(window) - cohort, query.periods or len(window))
    if point.offset >= width:
        raise QueryError("point.offset", f"this cohort has offsets from 0 to {width - 1}")
    return RetentionFigure(cohort, point.offset)


def _trend(query: Trends, window: Window, point: TrendPoint) -> Figure:
    if point.series >= len(query.series):
        raise QueryError(
            "point.series",
            f"name a series from 0 to {len(query.series) - 1}; a formula has no people of its own",
        )
    if (point.breakdown is None) != (query.breakdown is None):
        remedy = (
            "name one of its values" if point.breakdown is None else "leave it out: the question has none"
        )
        raise QueryError("point.breakdown", remedy)
    period = None if point.start is None else _period("point.start", window, point.start)
    return TrendFigure(point.series, point.breakdown, period)


def _cohort(query: CohortValues, window: Window, point: CohortPoint) -> Figure:
    if point.value is not None and point.value not in query.values:
        raise QueryError("point.value", f"one of {', '.join(query.values)}, or leave it out")
    value = EVERYONE if point.value is None else point.value
    return CohortFigure(_period("point.cohort", window, point.cohort), value)


def _period(where: str, window: Window, label: str) -> int:
    found = window.index(label)
    if found is None:
        raise QueryError(
            where, f"no {window.interval} of the answer starts at {label!r}; the first is {window.label(0)}"
        )
    return found


_READ: dict[type, tuple[Any, Callable[[Any, Window, Any], Figure]]] = {
    Trends: (TrendPoint, _trend),
    Retention: (RetentionPoint, _retention),
    CohortValues: (CohortPoint, _cohort),
}
