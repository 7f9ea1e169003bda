"""Reads figures: from the engine at one data version, or from the served tables in PostgreSQL."""

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
"""The event name of the served counts of any event."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A question's tables, at one data version of its project."""

    tables: engine.Tables
    window: Window
    place: Place
    facts: Facts
    data_version: int

    def source(self, *, history: bool = False, before: int = 0, everything: bool = False) -> Source:
        """The source to count from: with all `history`, or with `before` more periods.

        `everything` adds the events that are nobody's. They count in totals only.
        """
        table = self.tables.events if self.place == "events" else self.tables.activity
        window = self.window.widened(before)
        return SOURCES[self.place](table, window, self.facts, history=history, everything=everything)

    def run(self, expression: ir.Table) -> pa.Table:
        return self.tables.run(expression)


@dataclass(frozen=True, slots=True)
class Served:
    """The served tables of one project, each with its data version.

    One statement reads both, so they always match: rollup writes tables and version in one transaction.
    """

    project_id: int
    window: Window

    def counts(self, events: list[str]) -> tuple[int, dict[tuple[str, int], tuple[int, int]]]:
        """Data version; events and people by (event, period), where '' is any event."""
        version, rows = self._rows("insights/counts", events=events)
        return version, {(event, self._index(start)): (times, people) for event, start, times, people in rows}

    def returns(self) -> tuple[int, dict[tuple[int, int], int]]:
        """Data version; people by (cohort, offset)."""
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
        # Without counts there is still one row, with the version and nulls.
        return found[0][0], [row[1:] for row in found if row[1] is not None]


def period(window: Window, where: str, label: str) -> int:
    """The index of the period with this start, in the form of answers. Raises QueryError."""
    found = window.index(label)
    if found is None:
        raise QueryError(
            where, f"no {window.interval} of the answer starts at {label!r}; the first is {window.label(0)}"
        )
    return found
