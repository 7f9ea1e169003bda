"""What lifecycle asks."""

import datetime as dt
from collections.abc import Iterator

from analytics.insights.questions import Days, Place, Question
from analytics.metrics.periods import Interval, Window


class Lifecycle(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """People who did the event are active; null is any event."""

    event: str | None = None
    interval: Interval = "day"

    def events(self) -> Iterator[tuple[str, str | None]]:
        yield "event", self.event

    def days(self, window: Window) -> Days:
        return dt.date.min, window.last_day


def place(question: Lifecycle) -> Place:
    return "events" if question.interval == "hour" else "activity"
