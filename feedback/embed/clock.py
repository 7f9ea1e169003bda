"""When something was said, by our clock rather than the client's."""

import datetime as dt
from dataclasses import dataclass

AHEAD = dt.timedelta(hours=23)
OLDEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in UTC; `warning` says why it is the time of arrival, when another one had been sent."""

    at: dt.datetime
    warning: str = ""


def moment(timestamp: str | None, sent_at: str | None, *, now: dt.datetime) -> Moment:
    """The client's clock is off by as much as its `sentAt` was; a time that cannot be is the time of arrival."""
    if not timestamp:
        return Moment(now)
    said, sent = _parsed(timestamp), _parsed(sent_at or "")
    if said is None:
        return Moment(
            now, f"timestamp {timestamp[:40]!r} cannot be read (send ISO 8601); the time of arrival was taken"
        )
    at = _plausible(now, said, sent or now)
    if at is None:
        return Moment(
            now, f"timestamp {timestamp[:40]!r} lies too far from today; the time of arrival was taken"
        )
    return Moment(at)


def _plausible(now: dt.datetime, said: dt.datetime, sent: dt.datetime) -> dt.datetime | None:
    try:
        at = now - (sent - said)
        return at if OLDEST <= at <= now + AHEAD else None
    except OverflowError:
        return None


def _parsed(text: str) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
