"""What reactions by cohort ask."""

import datetime as dt

from analytics.insights.questions import Days, Place, Question
from analytics.metrics.periods import Interval, Window


class CohortReactions(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cohorts by first event. Reactions count at any time, also after `to`."""

    interval: Interval = "week"

    def days(self, window: Window) -> Days:
        return dt.date.min, dt.date.max


def place(question: CohortReactions) -> Place:
    return "activity" if question.interval != "hour" else "events"
