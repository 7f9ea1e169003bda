"""Exact counts of a project's data."""

from django.db.models import Sum
from msgspec import Struct

from analytics import versions
from analytics.models import LedgerEntry, Person, Session
from projects.models import Project


class Overview(Struct, frozen=True):
    """`project` is its slug, `id` its number in the lake; `data_version` is 0 before the first rollup."""

    id: int
    project: str
    name: str
    timezone: str
    data_version: int
    events: int
    people: int
    sessions: int


def overview(project: Project) -> Overview:
    stored = LedgerEntry.objects.filter(project_id=project.pk, outcome=LedgerEntry.Outcome.STORED)
    return Overview(
        id=project.pk,
        project=project.slug,
        name=project.name,
        timezone=project.timezone,
        data_version=versions.current(project.pk).number,
        events=stored.aggregate(total=Sum("count"))["total"] or 0,
        people=Person.objects.filter(project=project, merged_into=None).count(),
        sessions=Session.objects.filter(project=project).count(),
    )
