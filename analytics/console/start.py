"""The first page of a project: how to send an event until there is one, the people from then on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from analytics.console import snippets
from analytics.console.door import project_page
from analytics.models import Person
from projects.models import Project


@require_safe
@project_page()
def start(request: HttpRequest, project: Project) -> HttpResponse:
    if _has_people(project):
        return redirect("people", project.slug)
    context = {"project": project, "snippets": snippets.curl(project, request.build_absolute_uri("/"))}
    return render(request, "analytics/start.html", context)


@require_safe
@project_page()
def waiting(request: HttpRequest, project: Project) -> HttpResponse:
    """Asked every second by the start page: nothing to say yet (204), or on to the people."""
    if _has_people(project):
        return HttpResponseClientRedirect(reverse("people", args=[project.slug]))
    return HttpResponse(status=204)


def _has_people(project: Project) -> bool:
    return Person.objects.filter(project=project).exists()
