"""The list of people, a person's page, and its live updates."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from analytics.console.start_page import has_people
from analytics.console.timeline_days import days
from analytics.models import Person
from analytics.query import persons
from analytics.query.comment_reader import comment_reader
from analytics.query.persons import PersonDetail, PersonNotFoundError
from analytics.query.timeline import timeline
from api.cursor import CursorError
from dashboard.pages import project_page
from projects.access import can_edit
from projects.models import Project

PAGE = 50
COUNT_LIMIT = 10_000
"""Above this, counting all people would slow down every view of the list."""

ENTRIES = 60


@dataclass(frozen=True, slots=True)
class Head:
    """A column header. A click sorts by it, another click reverses the order."""

    label: str
    column: str
    style: str = ""
    first: str = "-"

    def next(self, sort: str) -> str:
        clicked = f"{self.first}{self.column}"
        return clicked if sort != clicked else clicked.removeprefix("-") if self.first else f"-{self.column}"


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
    return render(request, "analytics/people.html", context | {"known": _known(project), "most": COUNT_LIMIT})


def _known(project: Project) -> int:
    """The number of people in the project, COUNT_LIMIT + 1 at most."""
    # Sliced first: PostgreSQL stops counting at the limit.
    return Person.objects.filter(project=project, merged_into=None)[: COUNT_LIMIT + 1].count()


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
@vary_on_headers("HX-Request")
@project_page()
def person(request: HttpRequest, project: Project, person_id: int) -> HttpResponse:
    """Redirects from the ID of a merged person to the person they were merged into."""
    found = _find(project, person_id)
    if found.id != person_id:
        return redirect("person", project.slug, found.id)
    try:
        context = _timeline_context(request, project, found, request.GET.get("before"))
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
    """Polled by live.js. 204 if nothing changed since the token `seen`."""
    found = _find(project, person_id)
    if _token(project, found) == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "analytics/person_news.html", _timeline_context(request, project, found, None))


def _find(project: Project, person_id: int) -> PersonDetail:
    try:
        return persons.get_person(project, person_id)
    except PersonNotFoundError as error:
        raise Http404(str(error)) from error


def _timeline_context(
    request: HttpRequest, project: Project, found: PersonDetail, before: str | None
) -> dict[str, Any]:
    # The token is computed before the timeline is read: an event between the two is sent again, not missed.
    token = _token(project, found)
    page = timeline(project, found.id, before=before, limit=ENTRIES, comments=comment_reader())
    return {
        "project": project,
        "person": found,
        "token": token,
        "days": days(page.entries),
        "next": page.next,
        "can_edit": can_edit(cast("User", request.user), project),
        "is_newest": before is None,
    }


def _token(project: Project, found: PersonDetail) -> str:
    """Changes whenever the page changes: events, distinct IDs, merges and comments."""
    changed = comment_reader().latest_change(project, found.distinct_ids)
    return f"{found.id}-{found.events}-{len(found.distinct_ids)}-{len(found.former_ids)}-{changed}"


def _is_htmx(request: HttpRequest) -> bool:
    return bool(request.headers.get("HX-Request"))
