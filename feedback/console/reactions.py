"""What people of each signup cohort said: the four reactions as a table, and the people behind each figure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from analytics.console import questions
from analytics.console.door import project_page
from analytics.console.figures import SMALL, Figure
from analytics.console.questions import Question
from analytics.console.triangle import label
from analytics.query import results
from analytics.query.cursor import CursorError
from analytics.query.people import people
from analytics.query.run import answer
from analytics.query.spec import CohortValues, QueryError, Retention, parse
from analytics.schema import COMMENT_EVENT, REACTIONS
from projects.models import Project

PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One cohort: what it is called, how many they are, and how many said each of the four."""

    label: str
    size: Figure
    cells: list[Figure]


@require_GET
@vary_on_headers("HX-Request")
@project_page()
def by_cohort(request: HttpRequest, project: Project) -> HttpResponse:
    """The table to stand beside a retention triangle of the same dates; a page of its own when opened alone."""
    question = questions.retention(project, request.GET)
    template = (
        "feedback/reactions.html" if request.headers.get("HX-Request") else "feedback/reactions_page.html"
    )
    context = {"project": project, "given": question.given, "reactions": REACTIONS}
    try:
        query = _query(question)
    except QueryError as error:
        return render(request, template, context | {"problem": str(error)}, status=400)
    found = answer(project, query)
    rows = [_row(project, query, cohort, _address(project, question)) for cohort in found.cohorts]
    spoken = any(cell.people for row in rows for cell in row.cells)
    return render(request, template, context | {"rows": rows, "spoken": spoken, "stamp": found.stamp})


@require_GET
@vary_on_headers("HX-Request")
@project_page()
def behind(request: HttpRequest, project: Project) -> HttpResponse:
    """The people of one cohort who said one of the four, or all of its people."""
    question = questions.retention(project, request.GET)
    cohort, value = request.GET.get("cohort", ""), request.GET.get("value") or None
    try:
        query = _query(question)
        point = {"cohort": cohort, "value": value}
        found = people(project, query, point, limit=PAGE, after=request.GET.get("after"))
    except (QueryError, CursorError) as error:
        return render(request, "analytics/problem.html", {"project": project, "problem": error}, status=400)
    title = f"Cohort of {label(cohort, query.period)}: {f'said {value}' if value else 'all of them'}"
    back = f"{reverse('reactions', args=[project.slug])}?{question.address}"
    page = "analytics/behind_panel.html" if request.headers.get("HX-Request") else "analytics/behind.html"
    return render(request, page, {"project": project, "found": found, "title": title, "back": back})


def _query(question: Question) -> CohortValues:
    """The cohorts of the same periods as the triangle's. Raises QueryError."""
    beside = cast(
        "Retention", parse("retention", {name: question.given[name] for name in ("period", "from", "to")})
    )
    return CohortValues(
        event=COMMENT_EVENT,
        property="reaction",
        values=REACTIONS,
        period=beside.period,
        from_=beside.from_,
        to=beside.to,
    )


def _address(project: Project, question: Question) -> Callable[[dict[str, str]], str]:
    base = reverse("reactions-people", args=[project.slug])
    return lambda point: f"{base}?{urlencode(question.given | point)}"


def _row(
    project: Project,
    query: CohortValues,
    cohort: results.CohortValues,
    address: Callable[[dict[str, str]], str],
) -> Row:
    href = address({"cohort": cohort.start}) if cohort.people else ""
    size = Figure(cohort.people, cohort.people, href=href)
    cells = [_cell(project, query, cohort, value, address) for value in cohort.values]
    return Row(label(cohort.start, query.period), size, cells)


def _cell(
    project: Project,
    query: CohortValues,
    cohort: results.CohortValues,
    value: results.CohortValue,
    address: Callable[[dict[str, str]], str],
) -> Figure:
    """Names only where there is anybody to name, and few enough."""
    point = {"cohort": cohort.start, "value": value.value}
    if not value.people:
        return Figure(0, value.of, interval=value.interval)
    named = people(project, query, point, limit=SMALL).people if value.of < SMALL else []
    names = tuple(person.name for person in named)
    return Figure(value.people, value.of, interval=value.interval, href=address(point), names=names)
