"""What reactions by cohort ask."""

import datetime as dt

from analytics.insights.questions import Days, Place, Question
from analytics.metrics.periods import Interval, Window


class CohortReactions(Question, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Cohorts are made of people's first events; their reactions count whenever they were given."""

    interval: Interval = "week"

    def days(self, window: Window) -> Days:
        return dt.date.min, dt.date.max


def place(question: CohortReactions) -> Place:
    return "activity" if question.interval != "hour" else "events"
