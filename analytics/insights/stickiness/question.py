"""What stickiness asks."""

from collections.abc import Iterator

from analytics.insights.questions import Place, Question
from analytics.metrics.periods import Interval


class Stickiness(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """People who did the event are active; null is any event."""

    event: str | None = None
    interval: Interval = "day"

    def events(self) -> Iterator[tuple[str, str | None]]:
        yield "event", self.event


def place(question: Stickiness) -> Place:
    return "events" if question.interval == "hour" else "activity"
