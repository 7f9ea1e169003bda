"""What the buttons on a person's page do: make two people one, and take that back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from analytics.identity.merges import MergeError, merge, undo
from analytics.models import DistinctId, IdentityLink
from dashboard.pages import project_page
from projects.models import Membership, Project

MEMBER = Membership.Role.MEMBER


@require_POST
@project_page(MEMBER)
def merge_other(request: HttpRequest, project: Project, person_id: int) -> HttpResponse:
    """The person with this distinct id becomes part of the one whose page it is."""
    try:
        other = _known_as(project, request.POST.get("distinct_id", "").strip())
        merge(project, person_id, other.person_id, by=request.user.get_username())
    except MergeError as error:
        messages.error(request, f"Not merged: {error}.")
    else:
        messages.success(
            request, f"{other.distinct_id} is part of this person now. The timeline can undo it."
        )
    return redirect("person", project.slug, person_id)


@require_POST
@project_page(MEMBER)
def undo_link(request: HttpRequest, project: Project, person_id: int, link_id: int) -> HttpResponse:
    link = get_object_or_404(IdentityLink.objects.select_related("project"), project=project, pk=link_id)
    try:
        undo(link, by=request.user.get_username())
    except MergeError as error:
        messages.error(request, f"Not undone: {error}.")
    else:
        messages.success(request, "They are two people again, each with what began as theirs.")
    return redirect("person", project.slug, person_id)


def _known_as(project: Project, distinct_id: str) -> DistinctId:
    if not distinct_id:
        raise MergeError("write one of the other person's ids, as their page lists them")
    # Text with NUL is no text to PostgreSQL, and the id of nobody.
    found = DistinctId.objects.filter(project=project, distinct_id=distinct_id.replace("\0", "")).first()
    if found is None:
        raise MergeError(f"nobody in this project is known as {distinct_id[:200]!r}")
    return found
