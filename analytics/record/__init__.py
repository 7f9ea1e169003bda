"""The interface for other apps: record an event, or (record.visitors) add an endpoint for visitors."""

from analytics.record.recording import PROVED, EventColumns, record
from analytics.schema import (
    ANSWER_EVENT,
    COMMENT_EVENT,
    IDENTIFY_EVENT,
    REACTIONS,
    REPLY_EVENT,
    VERDICT_EVENT,
    means_nobody,
)

__all__ = [
    "ANSWER_EVENT",
    "COMMENT_EVENT",
    "IDENTIFY_EVENT",
    "PROVED",
    "REACTIONS",
    "REPLY_EVENT",
    "VERDICT_EVENT",
    "EventColumns",
    "means_nobody",
    "record",
]
