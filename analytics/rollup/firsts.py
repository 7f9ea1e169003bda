"""Firsts: the first local day of each person, stored so that no rollup has to search all of activity for it.

Assume that the stored firsts are right for an activity that differs from the current one on the dirty days only. Then
for each person:

- Without a stored first day, they were active on no other day. Their first day is their first dirty one.
- With a first day that is not dirty, they keep it, unless they are active on an earlier dirty day.
- With a dirty first day, and active on it or on an earlier dirty day, their first day is the first of those.
- With a dirty first day on which they are no longer active (merge, undo, expiry), any later day or none is possible.
  Only for them all of activity is searched.

After a crash the stored firsts may be right for a newer activity already. The next run's dirty days include those of
the run that crashed, so the same holds.
"""

import datetime as dt
from functools import lru_cache

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from analytics import engine
from analytics.engine import Tables
from analytics.lake import table
from analytics.lake.columns import FIRSTS, of_any_project, with_project
from analytics.metrics.sources import of_people
from analytics.models import DataVersion
from analytics.rollup.dirty_days import DirtyDays

MONTH = "%Y-%m"


def update(dirty: DirtyDays, at: DataVersion) -> None:
    """Update the project's firsts to the activity as of `at`."""
    known = table.version(FIRSTS)
    project = f"project_id = {dirty.project.pk}"
    with engine.snapshot(dirty.project.pk, at) as tables:
        if dirty.days is None:
            _write(tables, dirty, first_days(tables.activity), project, known)
            return
        firsts = tables.lake(FIRSTS, known)
        old, new = _changes(tables, firsts, dirty.days)
        if months := {*_months(old["was"]), *_months(new["day"])}:
            rows = changed_months(
                firsts, tuple(sorted(months)), tables.table(old.select(["person_id"])), tables.table(new)
            )
            _write(tables, dirty, rows, f"{project} AND month IN ({table.listed(months)})", known)


@lru_cache(maxsize=64)
def changed_months(firsts: ir.Table, months: tuple[str, ...], old: ir.Table, new: ir.Table) -> ir.Table:
    """person_id, day: the firsts of the months, with the people of `old` taken out and those of `new` added."""
    stay = firsts.filter(firsts["day"].strftime(MONTH).isin(months))
    # Whoever changed is taken out here and added anew, possibly in another month.
    return stay.anti_join(old, "person_id").select("person_id", "day").union(new)


@lru_cache(maxsize=64)
def first_days(activity: ir.Table) -> ir.Table:
    """person_id, day: when each person was first active."""
    people = of_people(activity)
    return people.group_by("person_id").agg(day=people["day"].min())


@lru_cache(maxsize=64)
def changed_first_days(activity: ir.Table, firsts: ir.Table, days: frozenset[dt.date]) -> ir.Table:
    """person_id, was, day, lost: people whose first day changed, with the old and the new one.

    `lost`: the old first day is gone and the new one is not among the dirty days.
    """
    # The range is for the file statistics: files and row groups outside of it are skipped.
    near = activity.filter(activity["day"].between(min(days), max(days)), activity["day"].isin(sorted(days)))
    now = first_days(near)
    known = firsts.select(known_id=firsts["person_id"], was=firsts["day"])
    both = now.outer_join(known, now["person_id"] == known["known_id"])
    # Without `isnull` a comparison with null would be null, and people who are new would be left out.
    earlier = both["was"].isnull() | (both["day"] < both["was"])
    lost = both["was"].isin(sorted(days)) & (both["day"].isnull() | (both["day"] > both["was"]))
    found = both.mutate(
        person_id=ibis.coalesce(both["person_id"], both["known_id"]), lost=lost.fill_null(False)
    )
    return found.filter(earlier | lost).select("person_id", "was", "day", "lost")


def _changes(tables: Tables, firsts: ir.Table, days: frozenset[dt.date]) -> tuple[pa.Table, pa.Table]:
    """The rows to delete (person_id, was: null if there was none) and the rows to insert (person_id, day)."""
    found = tables.run(changed_first_days(tables.activity, firsts, days))
    new = found.filter(pc.invert(found["lost"])).select(["person_id", "day"])
    lost = found.filter(found["lost"]).select(["person_id"])
    # Searches all of activity, which would take too long with every rollup.
    if lost.num_rows:
        theirs = tables.activity.semi_join(tables.table(lost), "person_id")
        new = pa.concat_tables([new, tables.run(first_days(theirs)).cast(new.schema)])
    return found.select(["person_id", "was"]), new


def _months(days: "pa.ChunkedArray[pa.Date32Scalar]") -> set[str]:
    return {f"{day:{MONTH}}" for day in pc.unique(days).to_pylist() if day}


def _write(tables: Tables, dirty: DirtyDays, firsts: ir.Table, where: str, at: int) -> None:
    rows = with_project(dirty.project.pk, tables.stream(_with_months(firsts)))
    table.replace(FIRSTS, rows, where, at=at)


@lru_cache(maxsize=64)
def _with_months(firsts: ir.Table) -> ir.Table:
    dated = firsts.mutate(month=firsts["day"].strftime(MONTH))
    return dated.select(of_any_project(FIRSTS)).order_by("day", "person_id")
