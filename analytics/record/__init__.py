"""The interface for other apps: record an event, or (record.visitors) add an endpoint for visitors."""

from analytics.record.recording import EventColumns, record
from analytics.schema import COMMENT_EVENT, REACTIONS

__all__ = ["COMMENT_EVENT", "REACTIONS", "EventColumns", "record"]
