"""The names of the people behind small figures."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.core.cache import cache

from analytics import versions
from analytics.insights.kind import Cell, Names
from analytics.insights.questions import Question
from analytics.query import admission, answer_cache, persons
from analytics.query.plan import Plan, plan, reading
from projects.models import Project


def of_small_figures(project: Project, question: Question, answer: Any, *, below: int) -> Names:
    """Names by figure key (see the kind's `small`), for figures of fewer than `below` people.

    Uses the data version of `answer` and the expressions that count the figures.
    """
    planned = plan(project, question)
    kept = answer_cache.key(planned, answer.stamp.data_version, f"names-{below}")
    cells: dict[Cell, list[int]] | None = cache.get(kept)
    if cells is None:
        # Only IDs are cached: a name can change without a new data version.
        cells = admission.queued(lambda: _cells(planned, answer, below))
        cache.set(kept, cells, answer_cache.KEEP_SECONDS)
    called = _called(project, {id for ids in cells.values() for id in ids})
    return {
        cell: tuple(name for _, name in sorted(called[id] for id in ids if id in called))
        for cell, ids in cells.items()
    }


def _cells(plan: Plan, answer: Any, below: int) -> dict[Cell, list[int]]:
    if plan.kind.small is None:
        return {}
    # The answer's version: at a newer one, a figure could show more names than people.
    version = versions.at(plan.project.pk, answer.stamp.data_version)
    found: dict[Cell, list[int]] = defaultdict(list)
    with reading(plan, plan.place_of_people, version) as source:
        for cell, person in plan.kind.small(plan.question, source, answer, below):
            found[cell].append(person)
    return dict(found)


def _called(project: Project, ids: Iterable[int]) -> dict[int, tuple[bool, str]]:
    """(is anonymous, name) of each person. Sorted, named people come before anonymous ones."""
    return {ref.id: (not ref.identified, ref.name) for ref in persons.refs(project.pk, ids)}
