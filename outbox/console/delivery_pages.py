"""Settings page of deliveries by state."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.pages import project_page
from outbox import deliveries
from outbox.models import Delivery
from projects.models import Membership, Project

OWNER = Membership.Role.OWNER
SHOWN = 50
SECTIONS = (
    (Delivery.State.FAILED, "Failed", "Nothing has failed."),
    (Delivery.State.WAITING, "Waiting", "Nothing is waiting."),
    (Delivery.State.SENT, "Sent", "Nothing was sent in the last 30 days."),
    (Delivery.State.CANCELLED, "Cancelled", "Nothing was cancelled."),
)


@require_safe
@project_page(OWNER)
def deliveries_page(request: HttpRequest, project: Project) -> HttpResponse:
    counts = deliveries.counts(project)
    sections = [
        {
            "state": state,
            "title": title,
            "count": counts[state],
            "empty": empty,
            "rows": deliveries.listed(project, state, limit=SHOWN),
        }
        for state, title, empty in SECTIONS
        if counts[state] or state != Delivery.State.CANCELLED
    ]
    return render(request, "outbox/deliveries.html", {"project": project, "sections": sections})


@require_POST
@project_page(OWNER)
def retry(request: HttpRequest, project: Project, delivery_id: int) -> HttpResponse:
    if deliveries.retry(project, delivery_id):
        messages.success(request, "Delivery queued. It will be sent in a few seconds.")
    else:
        messages.error(request, "This delivery has not failed, or it no longer exists.")
    return redirect("deliveries", project.slug)
