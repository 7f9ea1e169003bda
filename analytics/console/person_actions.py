"""Actions on a person's page: merge, and undo a merge."""

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
    """Merges the person with the given distinct ID into this one."""
    try:
        other = _known_as(project, request.POST.get("distinct_id", "").strip())
        merge(project, person_id, other.person_id, by=request.user.get_username())
    except MergeError as error:
        messages.error(request, f"Not merged: {error}.")
    else:
        messages.success(
            request, f"Merged {other.distinct_id} into this person. You can undo this in the timeline."
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
        messages.success(request, "Merge undone. Each person has their own events back.")
    return redirect("person", project.slug, person_id)


def _known_as(project: Project, distinct_id: str) -> DistinctId:
    if not distinct_id:
        raise MergeError("enter an ID of the other person, as listed on their page")
    # PostgreSQL rejects NUL in text: typed into the form, it would cause a 500.
    found = DistinctId.objects.filter(project=project, distinct_id=distinct_id.replace("\0", "")).first()
    if found is None:
        raise MergeError(f"no person in this project has the ID {distinct_id[:200]!r}")
    return found
