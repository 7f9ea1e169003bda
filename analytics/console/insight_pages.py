"""Pages of all kinds of insights, and of the people behind their figures."""

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from analytics.console import choices, insight_form
from analytics.console.insight_form import Asked
from analytics.engine import TooHeavyError
from analytics.insights.kind import AnyKind
from analytics.insights.questions import QueryError
from analytics.insights.registry import COMPANIONS, KINDS
from analytics.query import answers, members, names
from analytics.query.admission import BusyError
from api.cursor import CursorError
from dashboard.figures import SMALL
from dashboard.pages import project_page
from projects.models import Project

PAGE = 50
STATUS = {TooHeavyError: 422, BusyError: 429}
WHOLE, BESIDE = "analytics/insight.html", "analytics/insight_beside.html"


@require_safe
@project_page()
def insight(request: HttpRequest, project: Project, kind: str) -> HttpResponse:
    return _insight(request, project, _kind(kind), WHOLE)


@require_safe
@project_page()
def beside(request: HttpRequest, project: Project, kind: str) -> HttpResponse:
    """The figures only, loaded into the page of another insight."""
    return _insight(request, project, _kind(kind), BESIDE)


def _insight(request: HttpRequest, project: Project, kind: AnyKind, frame: str) -> HttpResponse:
    """The form with the answer, or with an error message."""
    asked = insight_form.ask(project, kind.screen, request.GET)
    context = {
        "project": project,
        "screen": kind.screen,
        "frame": frame,
        "given": asked.given,
        "period": asked.given[kind.screen.period],
        "events": choices.events(project),
        "companions": _companions(project, kind, asked),
    }
    page = f"{kind.name}/screen.html"
    try:
        drawn = _drawn(project, kind, asked)
    except (QueryError, TooHeavyError, BusyError) as error:
        problem = {"problem": str(error)}
        return render(request, page, context | problem, status=STATUS.get(type(error), 400))
    return render(request, page, context | drawn)


def _drawn(project: Project, kind: AnyKind, asked: Asked) -> dict[str, Any]:
    question = answers.parse(kind.name, asked.body)
    found = answers.answer(project, question)
    called = names.of_small_figures(project, question, found, below=SMALL)
    href = partial(asked.people_at, reverse("insight", args=[project.slug, kind.name]))
    drawn = kind.screen.draw(question, found, called, href)
    return {"stamp": found.stamp, "is_empty": drawn is None, **(drawn or {})}


def _companions(project: Project, kind: AnyKind, asked: Asked) -> list[dict[str, str]]:
    """Insights that are shown below, for the same dates and periods."""
    found = [KINDS[name] for name in COMPANIONS.get(kind.name, ())]
    return [
        {
            "label": each.screen.label,
            "href": asked.same_dates(
                reverse("insight-beside", args=[project.slug, each.name]),
                kind.screen.period,
                each.screen.period,
            ),
        }
        for each in found
    ]


@require_safe
# One URL, two bodies: without Vary a browser could show the cached panel as the page.
@vary_on_headers("HX-Request")
@project_page()
def behind(request: HttpRequest, project: Project, kind: str) -> HttpResponse:
    """The people behind a figure: a side panel for htmx, otherwise a page."""
    screen = _kind(kind).screen
    asked = insight_form.ask(project, screen, request.GET)
    page = "analytics/behind_panel.html" if request.headers.get("HX-Request") else "analytics/behind.html"
    try:
        question, point = answers.parse(kind, asked.body), screen.point(request.GET)
        found = members.people(project, question, point, limit=PAGE, after=request.GET.get("after"))
    except (QueryError, CursorError, TooHeavyError, BusyError) as error:
        return render(
            request,
            "analytics/problem.html",
            {"project": project, "problem": error},
            status=STATUS.get(type(error), 400),
        )
    title = screen.title(question, _kind(kind).point(**point))
    context = {"project": project, "found": found, "title": title, "back": f"../?{asked.address}"}
    return render(request, page, context)


def _kind(name: str) -> AnyKind:
    if name not in KINDS:
        raise Http404(f"there is no insight {name!r}; choose one of {', '.join(KINDS)}")
    return KINDS[name]
