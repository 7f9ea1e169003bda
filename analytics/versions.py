"""Data versions: which data a project's numbers were computed from.

Rollup publishes states of the whole installation (DataVersion). A project keeps its data version until a state changes
its own data, so events of other projects do not invalidate its cached answers. The version's number is the id of its
first state. All states of a version give the same numbers.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Subquery
from django.db.models.functions import Coalesce

from analytics.engine import NOTHING
from analytics.models import DataVersion, ProjectVersion
from dashboard.live import changes as live


class VersionExpiredError(LookupError):
    """This data version was replaced hours ago, and the files that it needs may have been deleted."""


@dataclass(frozen=True, slots=True)
class Version:
    """A project's data version (0 before its first rollup) and the newest state that gives its numbers."""

    number: int
    state: DataVersion


def current(project_id: int) -> Version:
    """The newest data version and its state."""
    # One statement: rollup could publish between two, and the number would belong to another state.
    number = ProjectVersion.objects.filter(project_id=project_id, last=None).values("number")
    state = DataVersion.objects.annotate(number=Coalesce(Subquery(number), 0)).order_by("-id").first()
    return Version(state.number, state) if state else Version(0, NOTHING)


def at(project_id: int, number: int) -> Version:
    """The data version of an earlier answer. Raises VersionExpiredError when its files may be gone."""
    # The current version first: if rollup replaces it after this read, the query below finds it as an ended one.
    # The other way round, it could be missed by both.
    newest = current(project_id)
    if newest.number == number:
        return newest
    ended = ProjectVersion.objects.filter(project_id=project_id, number=number).exclude(last=None)
    found = ended.select_related("last").first()
    if found is None or found.last is None:
        raise VersionExpiredError(f"data version {number} has expired")
    return Version(number, found.last)


def publish(state: DataVersion, *, after: DataVersion, changed: Collection[int]) -> None:
    """Save `state` as the newest one and give each changed project a new data version, in the caller's transaction."""
    state.save()
    # Before the insert: `one_current_version` allows a project only one row without `last`.
    ProjectVersion.objects.filter(project__in=changed, last=None).update(last=after)
    ProjectVersion.objects.bulk_create(
        ProjectVersion(project_id=project, number=state.pk) for project in sorted(changed)
    )
    for project in changed:
        live.publish(project, people=())


@transaction.atomic
def forget(before: dt.datetime) -> None:
    """Delete what was replaced before this moment. The version that was the newest then stays."""
    newest = DataVersion.objects.filter(created_at__lte=before).order_by("-id").first()
    if newest is not None:
        ProjectVersion.objects.filter(last__lt=newest.pk).delete()
        DataVersion.objects.filter(pk__lt=newest.pk).delete()
