"""The interface of a kind of insight. Each package here defines one; registry.py lists them.

A question passes each step once: it is read and checked (questions.py), planned (query/plan.py), counted by its kind on
the engine or the served tables, and presented as its kind's answer.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.questions import Place, Question
from analytics.insights.reading import Reading, Served
from analytics.metrics.periods import Interval, Window

Q = TypeVar("Q", bound=Question)
F = TypeVar("F")
P = TypeVar("P", bound=Struct)
A = TypeVar("A", bound=Struct)

Cell = tuple[str | int | None, ...]
"""The key of a figure on its screen, such as a cohort's start and an offset."""

Names = Mapping[Cell, tuple[str, ...]]
"""The people behind figures of few people, which screens show by name."""

Href = Callable[..., str]
"""The URL of the people behind a figure. Its arguments are the query parameters: href(start="2026-01-05")."""


class Stamp(Struct, frozen=True):
    """Part of every answer, so that its numbers can be reproduced."""

    timezone: str
    data_version: int
    computed_at: dt.datetime
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of a kind. unit: what it counts; grain: what one number refers to; doc: its definition."""

    name: str
    unit: str
    grain: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen(Generic[Q, A]):
    """A kind's page in the dashboard; its template is `<kind>/screen.html` in its package.

    fields   the form's fields besides the dates, with their defaults
    period   the name of the field for the period; `periods` are its choices
    body     the body of a question from the fields, without the dates
    point    the figure in the query parameters, in the API's form; raises QueryError
    title    the title of the list of people behind that figure
    draw     the template's context; None if there is no data between these dates
    """

    label: str
    subtitle: str
    icon: str
    key: str
    fields: Mapping[str, str]
    period: str
    periods: tuple[Interval, ...]
    empty: tuple[str, str]
    body: Callable[[Mapping[str, str]], dict[str, Any]]
    point: Callable[[Mapping[str, str]], dict[str, Any]]
    title: Callable[[Q, Any], str]
    draw: Callable[[Q, A, Names, Href], dict[str, Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[Q, F, P, A]):
    """One kind of insight.

    name      in URLs and in the API
    question, figures, point, answer
              the structs of a question, its cached figures, the name of one figure, and the answer
    place     the cheapest place that answers a question exactly; the places after it can do so too
    count     figures from the engine
    served    figures and their data version from the served tables, if the place is `served`
    people    person_id of everyone behind a point, from the expression that counts it; raises QueryError
    present   figures -> answer
    small     the people behind each figure of fewer than the given number of people
    """

    name: str
    measures: tuple[Measure, ...]
    question: type[Q]
    figures: type[F]
    point: type[P]
    answer: type[A]
    place: Callable[[Q], Place]
    count: Callable[[Q, Reading], F]
    served: Callable[[Q, Served], tuple[int, F]] | None = None
    people: Callable[[Q, Reading, P], ir.Table]
    present: Callable[[Q, F, Window, Stamp], A]
    small: Callable[[Q, Reading, A, int], Iterable[tuple[Cell, int]]] | None = None
    screen: Screen[Q, A]


AnyKind = Kind[Any, Any, Any, Any]
