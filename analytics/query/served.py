"""Figures from the tables that rollup keeps in PostgreSQL, with the data version that they belong to.

One statement reads both, so they always fit: rollup writes the tables and the version in one transaction.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

from analytics.metrics.periods import Window
from analytics.query.counting import window
from analytics.query.figures import Figures, RetentionFigures, TrendFigures, TrendsFigures
from analytics.query.spec import Query, Retention, Trends
from projects.models import Project

COUNTS = """
SELECT version.id, counts.event, counts.start, counts.events, counts.people
FROM (SELECT COALESCE(MAX(id), 0) AS id FROM analytics_data_version) AS version
LEFT JOIN analytics_rollup_count AS counts
    ON counts.project_id = %(project)s AND counts.interval = %(period)s AND counts.event = ANY(%(events)s)
    AND counts.start BETWEEN %(first)s AND %(last)s
"""

CELLS = """
SELECT version.id, cells.cohort, cells."offset", cells.people
FROM (SELECT COALESCE(MAX(id), 0) AS id FROM analytics_data_version) AS version
LEFT JOIN analytics_rollup_retention AS cells
    ON cells.project_id = %(project)s AND cells.period = %(period)s
    AND cells.cohort BETWEEN %(first)s AND %(last)s AND cells."offset" < %(periods)s
"""

ANY_EVENT = ""


def read(project: Project, query: Query) -> Figures:
    """All figures of a question that the plan calls served."""
    return _READ[type(query)](project, query, window(project, query))


def _trends(project: Project, query: Trends, asked: Window) -> Figures:
    names = [series.event if series.event is not None else ANY_EVENT for series in query.series]
    rows = _fetch(COUNTS, project, asked, events=list(set(names)))
    counted = {
        (event, asked.calendar.number(asked.interval, start)): (events, people)
        for _, event, start, events, people in rows
        if start is not None
    }
    found = []
    for index, name in enumerate(names):
        bars = [counted.get((name, number), (0, 0)) for number in asked.numbers]
        times, people = [bar[0] for bar in bars], [bar[1] for bar in bars]
        nothing = [0] * len(asked)
        found.append(TrendFigures(index, None, times, people, list(map(float, nothing)), nothing, None))
    return Figures(rows[0][0], TrendsFigures(found))


def _retention(project: Project, _: Retention, asked: Window) -> Figures:
    rows = _fetch(CELLS, project, asked, periods=len(asked))
    cells = [[0] * (len(asked) - cohort) for cohort in range(len(asked))]
    for _, start, offset, people in rows:
        if start is not None:
            cohort = asked.calendar.number(asked.interval, start) - asked.numbers.start
            if offset < len(cells[cohort]):
                cells[cohort][offset] = people
    return Figures(rows[0][0], RetentionFigures(cells))


def _fetch(sql: str, project: Project, asked: Window, **more: Any) -> list[tuple[Any, ...]]:
    bounds = {"first": asked.first_day, "last": asked.last_day, "period": asked.interval}
    with connection.cursor() as cursor:
        cursor.execute(sql, {"project": project.pk, **bounds, **more})
        return list(cursor.fetchall())


_READ: dict[type, Callable[[Project, Any, Window], Figures]] = {Trends: _trends, Retention: _retention}
