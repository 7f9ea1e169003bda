"""The first page of a project: how to send an event. Redirects to People once there is one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django_htmx.http import HTMX_STOP_POLLING

from analytics.console import snippets
from analytics.models import Person
from analytics.query.persons import list_people
from dashboard.pages import project_page
from projects.models import Project


@require_safe
@project_page()
def start(request: HttpRequest, project: Project) -> HttpResponse:
    if has_people(project):
        return redirect("people", project.slug)
    host = request.build_absolute_uri("/")
    context = {
        "project": project,
        "tag": snippets.script_tag(project, host),
        "snippets": snippets.curl(project, host),
    }
    return render(request, "analytics/start.html", context)


@require_safe
@project_page()
def waiting(request: HttpRequest, project: Project) -> HttpResponse:
    """Polled every second by the start page: 204, or the first person."""
    found = list_people(project, sort="first_seen", limit=1).people
    if not found:
        return HttpResponse(status=204)
    context = {"project": project, "person": found[0]}
    # After an ordinary 200, htmx would go on asking every second for as long as the page is open.
    return render(request, "analytics/start_arrived.html", context, status=HTMX_STOP_POLLING)


def has_people(project: Project) -> bool:
    return Person.objects.filter(project=project, merged_into=None).exists()
