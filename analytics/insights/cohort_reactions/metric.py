"""What the people of each cohort ever did: for example which reactions they left.

A person's cohort is the period of their first event of any name.
"""

import ibis
from ibis.expr import types as ir

from analytics.metrics.filters import property_text
from analytics.metrics.sources import Source

EVERYONE = ""
"""The value of the rows that count the whole cohort."""


def people(source: Source, events: ir.Table, event: str, name: str, values: list[str]) -> ir.Table:
    """person_id, cohort (a period of the window), value: one row per value of a person, and one with EVERYONE.

    source   with history, to find when people were first seen
    events   all events with a value, at any time
    """
    rows = source.table
    starts = rows.group_by("person_id").agg(cohort=rows["period"].min())
    starts = starts.filter(starts["cohort"].between(0, len(source.window) - 1))
    reactions = events.filter(events["event"] == event)
    reactions = reactions.select("person_id", value=property_text(reactions, name))
    # Distinct: figures count people, and some leave the same reaction many times.
    reactions = reactions.filter(reactions["value"].isin(values)).distinct()
    gave = starts.join(reactions, "person_id").select("person_id", "cohort", "value")
    return starts.mutate(value=ibis.literal(EVERYONE)).union(gave)


def tally(people: ir.Table) -> ir.Table:
    """cohort, value, people."""
    return people.group_by("cohort", "value").agg(people=people.count())


def members(people: ir.Table, *, cohort: int, value: str) -> ir.Table:
    """person_id of the people in a cohort with a value (EVERYONE: all of them)."""
    return people.filter(people["cohort"] == cohort, people["value"] == value).select("person_id")
