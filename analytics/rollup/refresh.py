"""Rollup: from the events of the lake to `activity`, from activity to the served tables, and a new data version.

1. What changed between the last data version and now is found, not remembered (dirt.py).
2. Activity and facts of those days are recomputed and replaced in the lake (daily_tables.py), and with them the first
   days of people (firsts.py).
3. Served tables, the new state and the data versions of the projects that changed are written in one transaction. A
   crash before its end leaves the old state, which still points at the old tables; the next run computes the same
   again.

It is a pure function of the facts: running it twice changes nothing, running it from scratch gives the same.
"""

from dataclasses import dataclass

from django.db.models import Max

from analytics import engine, versions
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, FIRSTS
from analytics.locks import single_writer
from analytics.models import DataVersion, Redirect, RollupCalendar
from analytics.rollup import daily_tables, dirt, firsts, served_tables


@dataclass(frozen=True, slots=True)
class RollupReport:
    """The state that holds now, how many local days of all projects were recomputed, and whether it is a new one.

    `busy`: nothing was done here because another process is at it.
    """

    data_version: int
    days: int = 0
    changed: bool = False
    busy: bool = False


def rollup(*, everything: bool = False) -> RollupReport:
    """Bring all numbers up to the lake. `everything` computes them from scratch."""
    with single_writer("rollup") as alone:
        before = DataVersion.objects.order_by("-id").first() or engine.NOTHING
        if not alone:
            return RollupReport(before.pk, busy=True)
        after = _now()
        found = dirt.find(before, after, everything=everything)
        for each in found:
            daily_tables.replace(each, after)
            firsts.update(each, after)
        for each in found:
            _serve(each, after)
        return _publish(before, after, found)


def _now() -> DataVersion:
    newest = Redirect.objects.aggregate(link=Max("link_id"))["link"] or 0
    return DataVersion(
        lake_version=table.version(EVENTS),
        activity_version=table.version(ACTIVITY),
        facts_version=table.version(FACTS),
        link_id=newest,
    )


def _serve(each: dirt.Dirt, after: DataVersion) -> None:
    with engine.snapshot(each.project.pk, after) as tables:
        served_tables.refresh(tables, each)
    RollupCalendar.objects.update_or_create(
        project=each.project,
        defaults={
            "timezone": each.project.timezone,
            "week_start": each.project.week_start,
            "firsts_version": table.version(FIRSTS),
        },
    )


def _publish(before: DataVersion, after: DataVersion, found: list[dirt.Dirt]) -> RollupReport:
    days = sum(len(each.days or ()) for each in found)
    if _state(after) == _state(before):
        return RollupReport(before.pk, days)
    # A merge of people without events dirties no day, yet changes who is behind a figure.
    links = Redirect.objects.filter(link_id__gt=before.link_id, link_id__lte=after.link_id)
    merged = links.values_list("project_id", flat=True).distinct()
    versions.publish(after, after=before, changed={*(each.project.pk for each in found), *merged})
    return RollupReport(after.pk, days, changed=True)


def _state(version: DataVersion) -> tuple[int | None, ...]:
    return version.lake_version, version.activity_version, version.facts_version, version.link_id
