"""Where figures come from: the engine over one state of the data, or the tables that rollup keeps in PostgreSQL."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.db import connection
from ibis.expr import types as ir

from analytics import engine
from analytics.insights.questions import Place, QueryError
from analytics.metrics import sources
from analytics.metrics.periods import Window
from analytics.metrics.sources import Facts, Source
from analytics.statements import statement

SOURCES = {"events": sources.from_events, "activity": sources.from_activity}
ANY_EVENT = ""
"""The name under which the served counts keep events of any name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One question, open over one data version of its project."""

    tables: engine.Tables
    window: Window
    place: Place
    facts: Facts
    data_version: int

    def source(self, *, history: bool = False, before: int = 0) -> Source:
        """What is counted; with `history` all that ever happened, with `before` so many periods more."""
        table = self.tables.events if self.place == "events" else self.tables.activity
        return SOURCES[self.place](table, self.window.widened(before), self.facts, history=history)

    def run(self, expression: ir.Table) -> pa.Table:
        return self.tables.run(expression)


@dataclass(frozen=True, slots=True)
class Served:
    """The served tables of one project, each with the data version that it belongs to.

    One statement reads both, so they always fit: rollup writes tables and version in one transaction.
    """

    project_id: int
    window: Window

    def counts(self, events: list[str]) -> tuple[int, dict[tuple[str, int], tuple[int, int]]]:
        """By event ('' is any) and period of the window: events and people."""
        version, rows = self._rows("insights/counts", events=events)
        return version, {(event, self._index(start)): (times, people) for event, start, times, people in rows}

    def returns(self) -> tuple[int, dict[tuple[int, int], int]]:
        """By cohort of the window and offset: people first seen in the one and active in the other."""
        version, rows = self._rows("insights/returns", periods=len(self.window))
        return version, {(self._index(start), offset): people for start, offset, people in rows}

    def _index(self, start: Any) -> int:
        return self.window.calendar.number(self.window.interval, start) - self.window.numbers.start

    def _rows(self, name: str, **more: Any) -> tuple[int, list[tuple[Any, ...]]]:
        asked = {"project": self.project_id, "period": self.window.interval}
        bounds = {"first": self.window.first_day, "last": self.window.last_day}
        with connection.cursor() as cursor:
            cursor.execute(statement(name), asked | bounds | more)
            found = cursor.fetchall()
        # Without any row of counts there is still the one that says which version this is.
        return found[0][0], [row[1:] for row in found if row[1] is not None]


def period(window: Window, where: str, label: str) -> int:
    """The number of a window's period by its start, as answers write it. Raises QueryError."""
    found = window.index(label)
    if found is None:
        raise QueryError(
            where, f"no {window.interval} of the answer starts at {label!r}; the first is {window.label(0)}"
        )
    return found
