"""The inbox."""

from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analytics.record import REACTIONS
from api.cursor import CursorError
from dashboard.pages import project_page
from feedback import inbox
from feedback.models import Comment
from projects.access import can_edit
from projects.models import Project


@dataclass(frozen=True, slots=True)
class Tab:
    """A reaction, or all of them, with the number of comments."""

    label: str
    href: str
    current: bool


@require_GET
@project_page()
def comments(request: HttpRequest, project: Project) -> HttpResponse:
    reaction = request.GET.get("reaction", "")
    try:
        page = inbox.inbox(project, reaction=reaction, after=request.GET.get("after"))
    except (CursorError, ValueError) as error:
        return render(request, "analytics/problem.html", {"project": project, "problem": error}, status=400)
    counted = inbox.counts(project)
    context = {
        "project": project,
        "page": page,
        "reaction": reaction,
        "count": counted.get(reaction, 0),
        "tabs": _tabs(project, reaction, counted),
        "statuses": Comment.Status.choices,
        "can_edit": can_edit(cast("User", request.user), project),
    }
    return render(request, "feedback/inbox.html", context)


def _tabs(project: Project, current: str, counted: dict[str, int]) -> list[Tab]:
    address = reverse("inbox", args=[project.slug])
    every = Tab(f"All {counted['']:,}", address, current == "")
    return [every] + [
        Tab(f"{name.capitalize()} {counted[name]:,}", f"{address}?reaction={name}", current == name)
        for name in REACTIONS
    ]
