"""Secrets that sign identity tokens: several live ones per project, so that they can be rotated."""

import datetime as dt
import secrets

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.timezone import now

from projects.models import IdentitySecret, Project, new_identity_secret

MAX_LIVE = 5
"""Live secrets per project. A token without a `kid` is tried with each of them."""

USED_EVERY = dt.timedelta(minutes=1)


class IdentitySecretError(Exception):
    """The secret cannot be created or revoked. The message says why."""


@transaction.atomic
def create(project: Project, *, name: str = "") -> IdentitySecret:
    """Raises IdentitySecretError when MAX_LIVE are live."""
    # Two requests at once must not pass the limit together.
    Project.objects.select_for_update().get(pk=project.pk)
    if live(project).count() >= MAX_LIVE:
        raise IdentitySecretError(f"A project can have {MAX_LIVE} active secrets. Revoke one first.")
    return IdentitySecret.objects.create(
        project=project, kid="k" + secrets.token_hex(5), secret=new_identity_secret(), name=name[:120]
    )


def revoke(project: Project, kid: str) -> bool:
    """Tokens signed with it are refused within seconds. False if the project has no live secret of this id."""
    return live(project).filter(kid=kid.replace("\0", "")).update(revoked_at=now()) == 1


def live(project: Project) -> QuerySet[IdentitySecret]:
    return of(project).filter(revoked_at=None)


def of(project: Project) -> QuerySet[IdentitySecret]:
    """All secrets of the project, live ones first."""
    return IdentitySecret.objects.filter(project=project).order_by(
        F("revoked_at").desc(nulls_first=True), "-id"
    )


def used(project_id: int, kid: str) -> None:
    """Note that a valid token was signed with it."""
    before = Q(last_used_at=None) | Q(last_used_at__lt=now() - USED_EVERY)
    # At most once a minute: each request of a visitor would write a row otherwise.
    IdentitySecret.objects.filter(before, project=project_id, kid=kid).update(last_used_at=now())


def set_enforced(project: Project, *, enforced: bool) -> None:
    Project.objects.filter(pk=project.pk).update(identity_enforced=enforced)
    project.identity_enforced = enforced
