"""Settings of a project: keys, time zone and ingestion."""

import zoneinfo
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics.console import ledger_days, snippets
from analytics.models import IngestionWarning, QuarantinedEvent, StageFailure
from config import health as installation_health
from dashboard.pages import project_page
from projects import keys
from projects.access import is_owner
from projects.models import Key, Membership, Project

OWNER = Membership.Role.OWNER
WARNINGS = 50
QUARANTINED = 20


@require_safe
@project_page()
def settings(request: HttpRequest, project: Project) -> HttpResponse:
    return _page(request, project)


@require_POST
# The page shows the key's text: no browser or proxy may keep it on disk.
@never_cache
@project_page(OWNER)
def create_key(request: HttpRequest, project: Project) -> HttpResponse:
    """Renders the page instead of redirecting: after a redirect the key's text would have to be stored somewhere."""
    kind = request.POST.get("kind", "")
    if kind not in Key.Kind.values:
        messages.error(request, f"Unknown kind of key {kind!r}. Choose one of {', '.join(Key.Kind.values)}.")
        return redirect("settings", project.slug)
    scopes = keys.READ if request.POST.get("access") != "write" else (*keys.READ, keys.WRITE_PEOPLE)
    name = request.POST.get("name", "").strip()[:120]
    new = keys.create(project, Key.Kind(kind), name=name, scopes=scopes)
    return _page(request, project, new)


@require_POST
@project_page(OWNER)
def revoke_key(request: HttpRequest, project: Project, key_id: int) -> HttpResponse:
    key = get_object_or_404(Key, project=project, pk=key_id)
    # Only if not revoked yet: a second click must not move the time of revocation.
    Key.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now())
    messages.success(request, f"Revoked {key}. Requests that use it are rejected within seconds.")
    return redirect("settings", project.slug)


@require_POST
@project_page(OWNER)
def set_timezone(request: HttpRequest, project: Project) -> HttpResponse:
    project.timezone = request.POST.get("timezone", "")
    try:
        project.full_clean()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        # Only this field: another request may have changed the others since the project was read.
        project.save(update_fields=["timezone"])
        messages.success(request, f"Time zone changed to {project.timezone}. All numbers now use it.")
    return redirect("settings", project.slug)


@require_safe
@project_page()
def ingestion(request: HttpRequest, project: Project) -> HttpResponse:
    found = IngestionWarning.objects.filter(project_id=project.pk)
    # Those have a page of their own, for owners.
    warnings = found.exclude(reason__startswith="identity_").order_by("-at", "-id")[:WARNINGS]
    context = {
        "project": project,
        "days": ledger_days.days(project),
        "warnings": warnings,
    }
    return render(request, "analytics/ingestion.html", context)


@require_safe
@project_page()
def health(request: HttpRequest, project: Project) -> HttpResponse:
    quarantined = QuarantinedEvent.objects.filter(project_id=project.pk).order_by("-id")
    context = {
        "project": project,
        "parts": installation_health.check_all(),
        "failures": StageFailure.objects.filter(project_id=project.pk).order_by("stage"),
        "count": quarantined.count(),
        "quarantined": quarantined[:QUARANTINED],
    }
    return render(request, "analytics/health.html", context)


def _page(request: HttpRequest, project: Project, new: keys.NewKey | None = None) -> HttpResponse:
    host = request.build_absolute_uri("/")
    context = {
        "project": project,
        "keys": Key.objects.filter(project=project).order_by("revoked_at", "-id"),
        "new": new,
        "is_owner": is_owner(cast("User", request.user), project),
        "timezones": sorted(zoneinfo.available_timezones()),
        "tag": snippets.script_tag(project, host),
        "snippets": snippets.curl(project, host),
    }
    return render(request, "analytics/settings.html", context)
