"""Timestamps as clients send them, beyond the RFC 3339 that msgspec decodes itself."""

from datetime import UTC, datetime

import msgspec

MIN_MILLISECONDS = 100_000_000_000  # in seconds this is the year 5138, in milliseconds 1973


def parse(value: object) -> datetime | None:
    """Read ISO 8601 text, or a Unix time in seconds or milliseconds. None for anything else."""
    try:
        if isinstance(value, str):
            return aware(datetime.fromisoformat(value.strip()))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MIN_MILLISECONDS else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def to_iso(moment: datetime) -> str:
    # Ten times as fast as isoformat(), and it runs twice an event.
    text: str = msgspec.to_builtins(moment)
    return text


def aware(moment: datetime) -> datetime:
    """Times without a zone are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
