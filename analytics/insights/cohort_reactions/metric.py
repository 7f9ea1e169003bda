"""What the people of each start cohort did, ever since: for example which reactions they left.

A person's start is their first event of any name; each person belongs to one cohort.
"""

import ibis
from ibis.expr import types as ir

from analytics.metrics.filters import property_text
from analytics.metrics.sources import Source

EVERYONE = ""
"""The value under which a cohort itself is counted."""


def people(source: Source, events: ir.Table, event: str, name: str, values: list[str]) -> ir.Table:
    """person_id, cohort (a period of the window), value: a row per value that a person gave, and one EVERYONE.

    source   all history: it says when somebody was first seen
    events   where values are looked for, however late
    """
    rows = source.table
    starts = rows.group_by("person_id").agg(cohort=rows["period"].min())
    starts = starts.filter(starts["cohort"].between(0, len(source.window) - 1))
    said = events.filter(events["event"] == event)
    said = said.select("person_id", value=property_text(said, name))
    said = said.filter(said["value"].isin(values)).distinct()
    gave = starts.join(said, "person_id").select("person_id", "cohort", "value")
    return starts.mutate(value=ibis.literal(EVERYONE)).union(gave)


def tally(people: ir.Table) -> ir.Table:
    """cohort, value, people."""
    return people.group_by("cohort", "value").agg(people=people.count())


def members(people: ir.Table, *, cohort: int, value: str) -> ir.Table:
    """person_id of those in a cohort who gave a value (EVERYONE: all of them)."""
    return people.filter(people["cohort"] == cohort, people["value"] == value).select("person_id")
