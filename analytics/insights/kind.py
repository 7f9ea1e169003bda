"""What a kind of insight is to the rest of Firsthand. Each package here makes one; registry.py lists them.

A question goes down once: it is read and checked (questions.py), planned (query/plan.py), counted by its kind over the
engine or the served tables, and presented as its kind's answer.
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
"""A figure's key on its screen, such as a cohort's start and an offset."""

Names = Mapping[Cell, tuple[str, ...]]
"""Who is behind figures of so few people that names say more than rates."""

Href = Callable[..., str]
"""The address of the people behind a figure, which is named as in an address: href(start="2026-01-05")."""


class Stamp(Struct, frozen=True):
    """What every answer carries, so that a number can be had again."""

    timezone: str
    data_version: int
    computed_at: dt.datetime
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that a kind gives. unit: what it counts; grain: what one number is about; doc: its definition."""

    name: str
    unit: str
    grain: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen(Generic[Q, A]):
    """A kind's page in the dashboard; its template is `<kind>/screen.html` in its package.

    fields   what the form asks besides the dates, and what it is unless the address says otherwise
    period   the field that says by which period, and the periods that it offers
    body     a question's body from the fields, without the dates
    point    the figure that an address names, as the API names it; raises QueryError
    title    of the list of people behind that figure
    draw     what the template shows; None: nobody did that between these dates
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

    name      in addresses and in the API
    question, figures, point, answer
              the structs of what is asked, counted (and cached), named, and answered
    place     the cheapest place that can answer a question exactly; `activity` and `events` can, too
    count     figures from the engine
    served    figures and their data version from the served tables, for questions whose place that is
    people    person_id of everybody behind a point, from the expression that counts it; raises QueryError
    present   figures as an answer
    small     of an answer's figures of fewer than so many people: who is behind each
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
