"""Who is behind the figures of cohorts so small that names say more than rates."""

import hashlib
from collections.abc import Iterable

import ibis
import msgspec
import pyarrow as pa
from django.core.cache import cache

from analytics.metrics import masks, retention
from analytics.models import DataVersion
from analytics.query import counting, persons
from analytics.query.answer_cache import KEEP_SECONDS
from analytics.query.members import counted_in
from analytics.query.results import CohortValuesAnswer, RetentionAnswer
from analytics.query.spec import CohortValues, Retention
from projects.models import Project

Ids = dict[tuple[str, int], list[int]]
"""By a cohort's start and an offset: the ids of the people in that cell."""


def of_small_cohorts(
    project: Project, query: Retention, answer: RetentionAnswer, *, below: int
) -> dict[tuple[str, int], tuple[str, ...]]:
    """By a cohort's start and an offset: the names in that cell, for cohorts of fewer than `below` people.

    Counted at the data version of `answer`, from the bits that the triangle itself was counted from.
    """
    small = [number for number, cohort in enumerate(answer.cohorts) if 0 < cohort.people < below]
    if not small:
        return {}
    kept = _key(project, query, answer.stamp.data_version)
    cells = cache.get(kept)
    if cells is None:
        cells = _cells(project, query, answer, small)
        cache.set(kept, cells, KEEP_SECONDS)
    called = _called(project, {id for ids in cells.values() for id in ids})
    return {cell: _in_order(ids, called) for cell, ids in cells.items()}


def of_small_values(
    project: Project, query: CohortValues, answer: CohortValuesAnswer, *, below: int
) -> dict[tuple[str, str], tuple[str, ...]]:
    """By a cohort's start and a value ("" is the whole cohort): the names behind that figure, as above."""
    small = {number: row.start for number, row in enumerate(answer.cohorts) if 0 < row.people < below}
    if not small:
        return {}
    version = DataVersion.objects.filter(pk=answer.stamp.data_version).first()
    with counting.reading(project, query, counted_in(project, query), version) as reading:
        people = counting.cohort_people(query, reading)
        found = reading.tables.run(people.filter(people["cohort"].isin(list(small))))
    cells: dict[tuple[str, str], list[int]] = {}
    for row in found.to_pylist():
        cells.setdefault((small[row["cohort"]], row["value"]), []).append(row["person_id"])
    called = _called(project, {id for ids in cells.values() for id in ids})
    return {cell: _in_order(ids, called) for cell, ids in cells.items()}


def _key(project: Project, query: Retention, version: int) -> str:
    asked = msgspec.json.encode([project.pk, project.timezone, project.week_start, query, version])
    return "small-cohorts:" + hashlib.sha256(asked).hexdigest()


def _called(project: Project, ids: Iterable[int]) -> dict[int, tuple[bool, str]]:
    """What people are called, in a form that sorts those known by name before the anonymous ones."""
    return {ref.id: (not ref.identified, ref.name) for ref in persons.refs(project.pk, ids)}


def _in_order(ids: Iterable[int], called: dict[int, tuple[bool, str]]) -> tuple[str, ...]:
    return tuple(name for _, name in sorted(called[id] for id in ids if id in called))


def _cells(project: Project, query: Retention, answer: RetentionAnswer, small: list[int]) -> Ids:
    version = DataVersion.objects.filter(pk=answer.stamp.data_version).first()
    with counting.reading(project, query, counted_in(project, query), version) as reading:
        asked = counting.rules(query)
        people = retention.people(reading.source(history=asked.history), asked)
        chosen = people.filter(ibis.or_(*(masks.has(people, "s", cohort) for cohort in small)))
        found = reading.tables.run(chosen)
    return _by_cell(found, query, answer, small)


def _by_cell(found: pa.Table, query: Retention, answer: RetentionAnswer, small: list[int]) -> Ids:
    periods = len(answer.cohorts)
    started, returned = (_bits(found, prefix, periods) for prefix in "sr")
    people = list(zip(found["person_id"].to_pylist(), started, returned, strict=True))
    return {
        (answer.cohorts[cohort].start, offset): [
            person
            for person, starts, returns in people
            if starts >> cohort & 1 and _is_in(query, returns, cohort, offset)
        ]
        for cohort in small
        for offset in range(len(answer.cohorts[cohort].values))
    }


def _bits(found: pa.Table, prefix: str, periods: int) -> list[int]:
    """Each person's periods as one whole number, however many words the engine needs for them."""
    words = [found[name].to_pylist() for name in masks.names(prefix, periods)]
    return [
        sum(word << (masks.BITS * place) for place, word in enumerate(row))
        for row in zip(*words, strict=True)
    ]


def _is_in(query: Retention, returns: int, cohort: int, offset: int) -> bool:
    """Offset 0 is the whole cohort, whether or not its people did the return event in that period too."""
    later = returns >> (cohort + offset)
    return offset == 0 or bool(later if query.counting == "on_or_after" else later & 1)
