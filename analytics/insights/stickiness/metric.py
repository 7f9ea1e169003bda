"""Stickiness: how many people were active in exactly 1, 2, 3... periods of the range.

The periods of each person are collected as bits (see metrics.masks) and counted; the people behind a figure come from
the same count.
"""

import ibis
from ibis.expr import types as ir

from analytics.metrics import masks
from analytics.metrics.filters import EventFilter
from analytics.metrics.functions import bit_count
from analytics.metrics.sources import Source


def people(source: Source, event_filter: EventFilter) -> ir.Table:
    """person_id, intervals: everyone who was active, and in how many periods."""
    rows = source.table.filter(source.matches(event_filter), source.within())
    words = masks.by_word(rows, ["person_id"], len(source.window))
    return words.group_by("person_id").agg(intervals=bit_count(words["bits"]).sum())


def tally(people: ir.Table) -> ir.Table:
    """intervals, people."""
    return people.group_by("intervals").agg(people=people.count())


def members(people: ir.Table, intervals: int) -> ir.Table:
    """person_id of those who were active in exactly `intervals` periods."""
    return people.filter(people["intervals"] == ibis.literal(intervals)).select("person_id")
