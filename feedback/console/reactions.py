"""What people of each signup cohort said: the four reactions as a table, and the people behind each figure."""

from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from analytics.console import questions
from analytics.console.questions import Question
from analytics.query import names
from analytics.query.answers import answer
from analytics.query.members import people
from analytics.query.results import CohortValuesAnswer
from analytics.query.spec import CohortValues, QueryError, Retention, parse
from analytics.schema import COMMENT_EVENT, REACTIONS
from api.cursor import CursorError
from dashboard.figures import SMALL, Figure
from dashboard.formats import period as period_name
from dashboard.pages import project_page
from projects.models import Project

PAGE = 50
Interval = tuple[float, float] | None


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
    rows = _rows(project, question, query, found)
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
    title = f"Cohort of {period_name(cohort, query.period)}: {f'said {value}' if value else 'all of them'}"
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


def _rows(project: Project, question: Question, query: CohortValues, found: CohortValuesAnswer) -> list[Row]:
    """Below SMALL people by name; "" is the value under which all of a cohort are named."""
    called = names.of_small_values(project, query, found, below=SMALL)
    base = reverse("reactions-people", args=[project.slug])

    def figure(cohort: str, value: str, people: int, of: int, interval: Interval) -> Figure:
        href = f"{base}?{urlencode(question.given | {'cohort': cohort, 'value': value})}" if people else ""
        return Figure(people, of, interval=interval, href=href, names=called.get((cohort, value), ()))

    return [
        Row(
            period_name(cohort.start, query.period),
            figure(cohort.start, "", cohort.people, cohort.people, None),
            [figure(cohort.start, one.value, one.people, one.of, one.interval) for one in cohort.values],
        )
        for cohort in found.cohorts
    ]
