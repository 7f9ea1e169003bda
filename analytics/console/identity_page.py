"""Settings page of identity: secrets that sign tokens, enforcement, and what it would refuse."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import localdate, now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from analytics.models import IngestionWarning, LedgerEntry
from dashboard.pages import project_page
from projects import identity_secrets
from projects.identity_secrets import IdentitySecretError
from projects.models import Membership, Project

OWNER = Membership.Role.OWNER
DAYS = 14
SAMPLES = 20
REASON = "identity_"


@dataclass(frozen=True, slots=True)
class Day:
    """One day's requests without proof: those that were refused, and those that would have been."""

    date: dt.date
    refused: int
    unproved: int
    reasons: list[tuple[str, int]]


@require_safe
# The page shows secrets: no browser or proxy may keep it on disk.
@never_cache
@project_page(OWNER)
def identity(request: HttpRequest, project: Project) -> HttpResponse:
    context = {
        "project": project,
        "secrets": identity_secrets.of(project),
        "most": identity_secrets.MAX_LIVE,
        "days": days(project),
        "samples": _samples(project),
    }
    return render(request, "analytics/identity.html", context)


@require_POST
@project_page(OWNER)
def create_secret(request: HttpRequest, project: Project) -> HttpResponse:
    try:
        secret = identity_secrets.create(project, name=request.POST.get("name", "").strip())
    except IdentitySecretError as error:
        messages.error(request, f"Secret not created. {error}")
    else:
        messages.success(
            request, f"Secret {secret.kid} created. Sign tokens with it, then revoke the old one."
        )
    return redirect("identity", project.slug)


@require_POST
@project_page(OWNER)
def revoke_secret(request: HttpRequest, project: Project, kid: str) -> HttpResponse:
    if not identity_secrets.revoke(project, kid):
        raise Http404(f"secret {kid[:32]!r} does not exist or was revoked before")
    messages.success(request, f"Secret {kid} revoked. Tokens that it signed are refused within seconds.")
    return redirect("identity", project.slug)


@require_POST
@project_page(OWNER)
def set_enforced(request: HttpRequest, project: Project) -> HttpResponse:
    enforced = request.POST.get("enforced") == "on"
    if enforced and not identity_secrets.live(project).exists():
        messages.error(request, "Enforcement not turned on. Create a secret first.")
        return redirect("identity", project.slug)
    identity_secrets.set_enforced(project, enforced=enforced)
    said = (
        "User IDs without a valid token are refused"
        if enforced
        else "User IDs without a token are kept as unverified"
    )
    messages.success(request, f"{said}. The change takes a few seconds.")
    return redirect("identity", project.slug)


def days(project: Project) -> list[Day]:
    """Days with requests without proof, newest first, in the current time zone."""
    since = now() - dt.timedelta(days=DAYS)
    outcomes = (LedgerEntry.Outcome.REFUSED, LedgerEntry.Outcome.UNPROVED)
    rows = LedgerEntry.objects.filter(
        project_id=project.pk, hour__gte=since, reason__startswith=REASON, outcome__in=outcomes
    )
    by_day: dict[dt.date, Counter[tuple[str, str]]] = {}
    for hour, outcome, reason, count in rows.values_list("hour", "outcome", "reason", "count"):
        by_day.setdefault(localdate(hour), Counter())[outcome, reason] += count
    return [_day(date, counted) for date, counted in sorted(by_day.items(), reverse=True)]


def _day(date: dt.date, counted: Counter[tuple[str, str]]) -> Day:
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for (outcome, reason), count in counted.items():
        outcomes[outcome] += count
        reasons[reason.removeprefix(REASON)] += count
    refused, unproved = LedgerEntry.Outcome.REFUSED, LedgerEntry.Outcome.UNPROVED
    return Day(date, outcomes[refused], outcomes[unproved], reasons.most_common())


def _samples(project: Project) -> list[IngestionWarning]:
    found = IngestionWarning.objects.filter(project_id=project.pk, reason__startswith=REASON)
    return list(found.order_by("-at", "-id")[:SAMPLES])
