"""What Firsthand counts: every measure by name, its unit, what one row of it stands for, and its definition in words.

docs/metrics.md describes each of them; a test holds the two together.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """unit: what the number counts; grain: what one number is about; doc: the definition, in one sentence."""

    name: str
    unit: str
    grain: str
    doc: str


METRICS = {
    metric.name: metric
    for metric in (
        Metric("total", "events", "a period", "Events that happened in the period."),
        Metric(
            "people",
            "people",
            "a period",
            "Different people with at least one event in the period; over a range, different people in the range.",
        ),
        Metric("per_person", "events per person", "a period", "Total divided by people."),
        Metric(
            "sum",
            "the property's unit",
            "a period",
            "The sum of a property of the events, where it is a number.",
        ),
        Metric(
            "avg",
            "the property's unit",
            "a period",
            "That sum divided by how many events had it as a number.",
        ),
        Metric(
            "retention",
            "people",
            "a cohort and an offset",
            "Of the people who did the start event in a period, those who did the return event so many periods later.",
        ),
        Metric(
            "cohort values",
            "people",
            "a cohort and a value",
            "Of the people whose first event ever fell into a period, those who ever gave a value, as for reactions.",
        ),
    )
}
