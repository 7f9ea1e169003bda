"""Moments that tests speak of."""

import datetime as dt

D0 = dt.datetime(2020, 6, 10, 5, tzinfo=dt.UTC)
"""The day zero of definitions.md's cases."""


def day(number: float, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> dt.datetime:
    """`number` days (and so on) after D0."""
    return D0 + dt.timedelta(days=number, hours=hours, minutes=minutes, seconds=seconds)
