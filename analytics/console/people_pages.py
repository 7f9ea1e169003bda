"""The list of people, a person's page, and what is new on it while somebody looks."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from analytics.console.start_page import has_people
from analytics.console.timeline_days import days
from analytics.models import Person
from analytics.query import persons
from analytics.query.comment_reader import comment_reader
from analytics.query.persons import PersonDetail, PersonNotFoundError
from analytics.query.timeline import timeline
from api.cursor import CursorError
from dashboard.pages import project_page
from projects.access import helps
from projects.models import Project

PAGE = 50
COUNTED = 10_000
"""Beyond so many people their exact number is not worth its time on every look at the list."""

ENTRIES = 60


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: pressing it sorts by it, and pressing it again turns the order around."""

    label: str
    column: str
    style: str = ""
    first: str = "-"

    def next(self, sort: str) -> str:
        pressed = f"{self.first}{self.column}"
        return pressed if sort != pressed else pressed.removeprefix("-") if self.first else f"-{self.column}"


HEADS = (
    Head("Person", "name", first=""),
    Head("Last seen", "last_seen", "col-when"),
    Head("First seen", "first_seen", "col-when hide-narrow"),
    Head("Sessions", "sessions", "col-num num hide-narrow"),
    Head("Events", "events", "col-num num"),
)


@require_safe
@project_page()
def people(request: HttpRequest, project: Project) -> HttpResponse:
    search, sort = request.GET.get("search", ""), request.GET.get("sort", "-last_seen")
    try:
        found = persons.list_people(
            project, search=search, sort=sort, after=request.GET.get("after"), limit=PAGE
        )
    except (CursorError, ValueError) as error:
        return render(request, "analytics/problem.html", {"project": project, "problem": error}, status=400)
    if not found.people and not has_people(project):
        return redirect("start", project.slug)
    context = {"project": project, "found": found, "search": search, "sort": sort, "heads": _heads(sort)}
    return render(request, "analytics/people.html", context | {"known": _known(project), "most": COUNTED})


def _known(project: Project) -> int:
    """How many people the project has; COUNTED + 1 stands for all that are more."""
    return Person.objects.filter(project=project, merged_into=None)[: COUNTED + 1].count()


def _heads(sort: str) -> list[dict[str, Any]]:
    column = sort.removeprefix("-")
    return [
        {
            "label": head.label,
            "style": head.style,
            "sort": head.next(sort),
            "order": ("descending" if sort.startswith("-") else "ascending") if head.column == column else "",
        }
        for head in HEADS
    ]


@require_safe
@project_page()
def person(request: HttpRequest, project: Project, person_id: int) -> HttpResponse:
    """Who was merged into somebody else is shown under the address of whom they turned out to be."""
    found = _find(project, person_id)
    if found.id != person_id:
        return redirect("person", project.slug, found.id)
    try:
        context = _story(request, project, found)
    except CursorError as error:
        return render(request, "analytics/problem.html", {"project": project, "problem": error}, status=400)
    page = (
        "analytics/person_older.html"
        if request.GET.get("before") and _is_htmx(request)
        else "analytics/person.html"
    )
    return render(request, page, context)


@require_safe
@project_page()
def news(request: HttpRequest, project: Project, person_id: int) -> HttpResponse:
    """What a person's page asks for while it is looked at; 204 as long as nothing has happened since `seen`."""
    found = _find(project, person_id)
    if _token(project, found) == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "analytics/person_news.html", _story(request, project, found))


def _find(project: Project, person_id: int) -> PersonDetail:
    try:
        return persons.get_person(project, person_id)
    except PersonNotFoundError as error:
        raise Http404(str(error)) from error


def _story(request: HttpRequest, project: Project, found: PersonDetail) -> dict[str, Any]:
    before, token = request.GET.get("before"), _token(project, found)
    page = timeline(project, found.id, before=before, limit=ENTRIES, comments=comment_reader())
    return {
        "project": project,
        "person": found,
        "token": token,
        "days": days(page.entries),
        "next": page.next,
        "may_merge": helps(cast("User", request.user), project),
        "is_newest": before is None,
    }


def _token(project: Project, found: PersonDetail) -> str:
    """Changes with whatever can change on the page: every event is counted, merges included."""
    changed = comment_reader().latest_change(project, found.distinct_ids)
    return f"{found.id}-{found.events}-{len(found.distinct_ids)}-{len(found.former_ids)}-{changed}"


def _is_htmx(request: HttpRequest) -> bool:
    return bool(request.headers.get("HX-Request"))
