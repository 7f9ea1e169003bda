"""What other apps may put into analytics: events of their own, and what visitors send them (record.visitors)."""

from analytics.record.recording import EventColumns, record
from analytics.schema import COMMENT_EVENT, REACTIONS

__all__ = ["COMMENT_EVENT", "REACTIONS", "EventColumns", "record"]
