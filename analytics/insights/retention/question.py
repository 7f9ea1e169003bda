"""What retention asks."""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from analytics.insights.questions import MOST_PERIODS, Days, Place, Question
from analytics.insights.retention.metric import Rules
from analytics.metrics.filters import EventFilter, Filter, about_events
from analytics.metrics.periods import Interval, Window

ANYTHING = EventFilter()


class Retention(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    period_field: ClassVar[str] = "period"
    remedies: ClassVar[dict[str, str]] = {
        "kind": "recurring, first_time or first_ever",
        "counting": "on or on_or_after",
    }

    start: EventFilter = EventFilter()
    return_: EventFilter = msgspec.field(name="return", default=EventFilter())
    kind: Literal["recurring", "first_time", "first_ever"] = "first_time"
    period: Interval = "week"
    periods: Annotated[int, Meta(ge=1, le=MOST_PERIODS)] | None = None
    counting: Literal["on", "on_or_after"] = "on"
    min_occurrences: Annotated[int, Meta(ge=1, le=1_000_000)] = 1

    @property
    def rules(self) -> Rules:
        return Rules(self.start, self.return_, self.kind, self.counting, self.min_occurrences)

    def events(self) -> Iterator[tuple[str, str | None]]:
        yield "start.event", self.start.event
        yield "return.event", self.return_.event

    def filters(self) -> Iterator[tuple[str, Filter]]:
        for name, event_filter in (("start", self.start), ("return", self.return_)):
            yield from ((f"{name}.where[{n}]", item) for n, item in enumerate(event_filter.where))

    def days(self, window: Window) -> Days:
        return dt.date.min if self.rules.history else window.first_day, window.last_day


def place(question: Retention) -> Place:
    if question.period == "hour" or about_events(item for _, item in question.filters()):
        return "events"
    # The served cells are of first-time cohorts of any event, and of nothing else.
    first = question.kind != "recurring" and question.start == ANYTHING == question.return_
    return "served" if first and question.counting == "on" and question.min_occurrences == 1 else "activity"
