"""Firsts: the first local day of each person, kept beside activity so that no rollup looks for it in all of history.

Say that firsts are right for an activity that differs from the present one on the dirty days alone. Then a person

- who is not known was active on none of the other days: their first day is the first of the dirty ones;
- whose first day is not dirty still has it, and no earlier one, unless there is an earlier one that is dirty;
- whose first day is dirty and who was active on it, or on a dirty day before it, has the first of the dirty ones;
- whose first day is dirty and who is no longer active on it (a merge, an undone one, expiry) may have any later one
  or none: only for them is all of activity asked.

So firsts become right for the present activity. After a crash in between they may already be, or be so for an
activity in between: the days that are dirty then include those that were dirty before, and the same holds.
"""

import datetime as dt
from collections.abc import Collection

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from analytics import engine
from analytics.engine import Tables
from analytics.lake import table
from analytics.lake.columns import FIRSTS
from analytics.models import DataVersion
from analytics.rollup.dirt import Dirt

MONTH = "%Y-%m"


def update(dirt: Dirt, at: DataVersion) -> None:
    """Bring the project's firsts to the activity of a version."""
    known = table.version(FIRSTS)
    project = f"project_id = {dirt.project.pk}"
    with engine.snapshot(dirt.project.pk, at) as tables:
        if dirt.days is None:
            _write(tables, dirt, first_days(tables.activity), project, known)
            return
        firsts = tables.lake(FIRSTS, known)
        gone, new = _changes(tables, firsts, dirt.days)
        if months := {*_months(gone["was"]), *_months(new["day"])}:
            stay = firsts.filter(firsts["day"].strftime(MONTH).isin(sorted(months)))
            stay = stay.anti_join(tables.table(gone.select(["person_id"])), "person_id")
            rows = stay.select("person_id", "day").union(tables.table(new))
            _write(tables, dirt, rows, f"{project} AND month IN ({table.listed(months)})", known)


def first_days(activity: ir.Table) -> ir.Table:
    """person_id, day: when each person was first active."""
    return activity.group_by("person_id").agg(day=activity["day"].min())


def suspects(activity: ir.Table, firsts: ir.Table, days: Collection[dt.date]) -> ir.Table:
    """person_id, was, day, lost: whoever has another first day, the one they had and, unless it is lost, have now."""
    near = activity.filter(activity["day"].between(min(days), max(days)), activity["day"].isin(sorted(days)))
    now = first_days(near)
    known = firsts.select(known_id=firsts["person_id"], was=firsts["day"])
    both = now.outer_join(known, now["person_id"] == known["known_id"])
    earlier = both["was"].isnull() | (both["day"] < both["was"])
    lost = both["was"].isin(sorted(days)) & (both["day"].isnull() | (both["day"] > both["was"]))
    found = both.mutate(
        person_id=ibis.coalesce(both["person_id"], both["known_id"]), lost=lost.fill_null(False)
    )
    return found.filter(earlier | lost).select("person_id", "was", "day", "lost")


def _changes(tables: Tables, firsts: ir.Table, days: Collection[dt.date]) -> tuple[pa.Table, pa.Table]:
    """Whose rows have to go (person_id, was: null if they had none), and those that come instead (person_id, day)."""
    found = tables.run(suspects(tables.activity, firsts, days))
    new = found.filter(pc.invert(found["lost"])).select(["person_id", "day"])
    lost = found.filter(found["lost"]).select(["person_id"])
    if lost.num_rows:
        theirs = tables.activity.semi_join(tables.table(lost), "person_id")
        new = pa.concat_tables([new, tables.run(first_days(theirs)).cast(new.schema)])
    return found.select(["person_id", "was"]), new


def _months(days: pa.ChunkedArray) -> set[str]:
    return {f"{day:{MONTH}}" for day in pc.unique(days).to_pylist() if day}


def _write(tables: Tables, dirt: Dirt, firsts: ir.Table, where: str, at: int) -> None:
    whole = firsts.mutate(
        project_id=ibis.literal(dirt.project.pk, "int32"), month=firsts["day"].strftime(MONTH)
    )
    rows = whole.select(FIRSTS.columns.names).order_by("day", "person_id")
    table.replace(FIRSTS, tables.stream(rows), where, at=at)
