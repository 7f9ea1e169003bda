"""What was counted, before anything that depends on the hour at which it is looked at: this is what is cached."""

from msgspec import Struct


class TrendFigures(Struct, frozen=True):
    """One series or one value of its breakdown (`part`; null without one); lists have an entry a period.

    everyone   different people over the whole range; null where the place that was read does not know it
    """

    series: int
    part: str | None
    times: list[int]
    people: list[int]
    amounts: list[float]
    numbers: list[int]
    everyone: int | None


class TrendsFigures(Struct, frozen=True, tag="trends"):
    series: list[TrendFigures]


class RetentionFigures(Struct, frozen=True, tag="retention"):
    """People per cohort and offset; offset 0 is the cohort's size, rows shrink by one."""

    triangle: list[list[int]]


class CohortFigures(Struct, frozen=True, tag="cohorts"):
    """Size of each cohort, and per cohort the people of each value."""

    sizes: list[int]
    people: list[list[int]]


class Figures(Struct, frozen=True):
    """The figures of one question at a data version."""

    data_version: int
    found: TrendsFigures | RetentionFigures | CohortFigures
