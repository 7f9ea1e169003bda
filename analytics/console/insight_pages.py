"""Retention and trends as pages, and the people behind each of their figures."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from analytics.console import choices, questions
from analytics.console.questions import Question
from analytics.console.triangle import triangle
from analytics.query import names
from analytics.query.answers import answer
from analytics.query.members import people
from analytics.query.spec import QueryError, Retention, Trends, parse
from api.cursor import CursorError
from dashboard.charts import chart
from dashboard.figures import SMALL
from dashboard.formats import number as shown
from dashboard.formats import period as period_name
from dashboard.pages import project_page
from projects.models import Project

PAGE = 50
ASK: dict[str, Callable[[Project, Mapping[str, str]], Question]] = {
    "retention": questions.retention,
    "trends": questions.trends,
}


@require_safe
@project_page()
def retention(request: HttpRequest, project: Project) -> HttpResponse:
    question = questions.retention(project, request.GET)
    return _insight(request, project, question, _triangle)


@require_safe
@project_page()
def trends(request: HttpRequest, project: Project) -> HttpResponse:
    question = questions.trends(project, request.GET)
    return _insight(request, project, question, _chart)


def _insight(
    request: HttpRequest,
    project: Project,
    question: Question,
    draw: Callable[[Project, Question], dict[str, Any]],
) -> HttpResponse:
    """The page with its answer; or with its form as it was filled in, and what is wrong with it."""
    context = {
        "project": project,
        "question": question,
        "given": question.given,
        "events": choices.events(project),
    }
    page = f"analytics/{question.kind}.html"
    try:
        drawn = draw(project, question)
    except QueryError as error:
        return render(request, page, context | {"problem": str(error)}, status=400)
    return render(request, page, context | drawn)


def _triangle(project: Project, question: Question) -> dict[str, Any]:
    query = cast("Retention", parse(question.kind, question.body))
    found = answer(project, query)
    small = names.of_small_cohorts(project, query, found, below=SMALL)

    def href(cohort: str, offset: int) -> str:
        return question.people_at({"cohort": cohort, "offset": offset})

    drawn = triangle(found, query.period, small, href)
    return {"triangle": drawn, "stamp": found.stamp, "has_people": any(row.size.people for row in drawn.rows)}


def _chart(project: Project, question: Question) -> dict[str, Any]:
    found = answer(project, cast("Trends", parse(question.kind, question.body)))
    [series] = found.series

    def href(start: str) -> str:
        return question.people_at({"start": start})

    drawn = chart(series.points, question.given["interval"], href)
    total = None if series.total is None else shown(series.total)
    shares = {"chart": drawn, "series": series, "total": total, "stamp": found.stamp}
    return shares | {
        "everyone": question.people_at({}),
        "is_empty": not any(bar.people for bar in drawn.bars),
    }


@require_safe
@vary_on_headers("HX-Request")
@project_page()
def behind(request: HttpRequest, project: Project, kind: str) -> HttpResponse:
    """The people behind one figure: a panel beside it, or a page of its own under the same address."""
    question = ASK[kind](project, request.GET)
    page = "analytics/behind_panel.html" if request.headers.get("HX-Request") else "analytics/behind.html"
    try:
        query = parse(kind, question.body)
        found = people(project, query, _point(kind, request.GET), limit=PAGE, after=request.GET.get("after"))
    except (QueryError, CursorError) as error:
        return render(request, "analytics/problem.html", {"project": project, "problem": error}, status=400)
    context = {
        "project": project,
        "question": question,
        "found": found,
        "title": _title(kind, question, request.GET),
    }
    return render(request, page, context | {"back": f"../?{question.address}"})


def _point(kind: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """Which figure of the answer, as the API names it."""
    if kind == "trends":
        return {"series": 0, "start": asked.get("start") or None, "breakdown": None}
    offset = _given(asked, "offset")
    if not (offset.isascii() and offset.isdigit()):
        raise QueryError("offset", f"{offset!r} is no number of periods; write 0 or more")
    return {"cohort": _given(asked, "cohort"), "offset": int(offset)}


def _given(asked: Mapping[str, str], name: str) -> str:
    if not asked.get(name):
        raise QueryError(name, "is missing: it names the figure whose people are asked for")
    return asked[name]


def _title(kind: str, question: Question, asked: Mapping[str, str]) -> str:
    given = question.given
    if kind == "trends":
        when = (
            period_name(asked["start"], given["interval"])
            if asked.get("start")
            else f"{given['from']} to {given['to']}"
        )
        return f"{given['event'] or 'Any event'}, {when}"
    cohort, offset = period_name(asked["cohort"], given["period"]), int(asked["offset"])
    back = f"came back in {given['period']} {offset}" if offset else "all of them"
    return f"Cohort of {cohort}: {back}"
