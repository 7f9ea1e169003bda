"""What a trend asks."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from analytics.insights.questions import Place, QueryError, Question
from analytics.insights.trends import formula
from analytics.metrics.filters import EventFilter, Filter, about_events
from analytics.metrics.periods import Interval

Measure = Annotated[str, Meta(pattern=r"^(total|people|per_person|(sum|avg):.+)$")]


class Series(Struct, frozen=True, forbid_unknown_fields=True):
    event: str | None = None
    measure: Measure = "total"
    where: tuple[Filter, ...] = ()

    @property
    def amount(self) -> str | None:
        """The property that is summed or averaged."""
        return self.measure.partition(":")[2] or None


class Breakdown(Struct, frozen=True, forbid_unknown_fields=True):
    property: str
    on: Literal["event", "person"] = "event"
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class Trends(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    remedies: ClassVar[dict[str, str]] = {
        "measure": "total, people, per_person, sum:PROPERTY or avg:PROPERTY"
    }

    series: Annotated[tuple[Series, ...], Meta(min_length=1, max_length=10)]
    interval: Interval = "day"
    breakdown: Breakdown | None = None
    where: tuple[Filter, ...] = ()
    formula: str | None = None

    def event_filter(self, series: Series) -> EventFilter:
        """The events that a series counts: its own filters and those of the question."""
        return EventFilter(series.event, series.where + self.where)

    def events(self) -> Iterator[tuple[str, str | None]]:
        for index, series in enumerate(self.series):
            yield f"series[{index}].event", series.event

    def filters(self) -> Iterator[tuple[str, Filter]]:
        for index, series in enumerate(self.series):
            yield from ((f"series[{index}].where[{n}]", item) for n, item in enumerate(series.where))
        yield from ((f"where[{n}]", item) for n, item in enumerate(self.where))

    def person_properties(self) -> list[str]:
        divided = [self.breakdown.property] if self.breakdown and self.breakdown.on == "person" else []
        return list(dict.fromkeys([*super().person_properties(), *divided]))

    def check(self) -> None:
        if self.breakdown is not None and not self.breakdown.property:
            raise QueryError("breakdown.property", "name a property")
        if self.formula is not None:
            try:
                formula.parse(self.formula, len(self.series))
            except formula.FormulaError as error:
                raise QueryError("formula", str(error)) from error


def place(question: Trends) -> Place:
    divided = question.breakdown is not None and question.breakdown.on == "event"
    amounts = any(series.amount for series in question.series)
    conditions = [item for _, item in question.filters()]
    if question.interval == "hour" or amounts or divided or about_events(conditions):
        return "events"
    counted = all(series.measure == "total" for series in question.series)
    # Counts per period cannot give the number of different people over the whole range.
    return "served" if counted and question.breakdown is None and not conditions else "activity"
