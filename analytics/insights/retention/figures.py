"""Retention, counted: this is what is cached."""

from ibis.expr import types as ir
from msgspec import Struct

from analytics.insights.reading import Reading, Served
from analytics.insights.retention import metric
from analytics.insights.retention.question import Retention


class Triangle(Struct, frozen=True):
    """People per cohort and offset; offset 0 is the cohort's size, rows shrink by one."""

    cells: list[list[int]]


def served(question: Retention, tables: Served) -> tuple[int, Triangle]:
    version, found = tables.returns()
    periods = len(tables.window)
    cells = [
        [found.get((cohort, offset), 0) for offset in range(periods - cohort)] for cohort in range(periods)
    ]
    return version, Triangle(cells)


def count(question: Retention, reading: Reading) -> Triangle:
    tally = reading.run(metric.tally(bits(question, reading)))
    return Triangle(metric.triangle(tally, len(reading.window), question.counting))


def bits(question: Retention, reading: Reading) -> ir.Table:
    """Everyone with a start in the window; see metric.people."""
    rules = question.rules
    return metric.people(reading.source(history=rules.history), rules)
