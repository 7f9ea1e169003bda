"""Reading a client's idea of a time, for the few that are not RFC 3339."""

from datetime import UTC, datetime

import msgspec

MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138, as milliseconds 1973


def read(value: object) -> datetime | None:
    """A time from ISO 8601 text or a Unix time in seconds or milliseconds; None when it is none of these."""
    try:
        if isinstance(value, str):
            return aware(datetime.fromisoformat(value.strip()))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def written(moment: datetime) -> str:
    """ISO 8601, ten times as fast as isoformat()."""
    text: str = msgspec.to_builtins(moment)
    return text


def aware(moment: datetime) -> datetime:
    """Times without a zone are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
