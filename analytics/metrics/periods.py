"""Calendar hours, days, weeks and months of a project, as integers in Python and in Ibis.

Consecutive periods have consecutive numbers, so "two weeks later" is an addition on every engine:

hour    hours since 1970, starting at full hours of local time; the hour repeated in autumn counts as two
day     local days since 1970-01-01
week    local weeks since the week of 1970-01-01; weeks begin on `week_start`
month   year * 12 + month - 1

Local time is arithmetic, not a database's time zone function. Within a date range a zone has few UTC offsets, so local
time is UTC plus a CASE of constants. That is fast, and the same on every engine.
"""

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast
from zoneinfo import ZoneInfo

import ibis
from ibis.expr import types as ir

from analytics.metrics.expressions import int64, integer, is_between
from analytics.metrics.functions import epoch_us

Steps = tuple[tuple[int, int], ...]
Interval = Literal["hour", "day", "week", "month"]

EPOCH = dt.date(1970, 1, 1)
HOUR = 3_600
DAY = 86_400
MICRO = 1_000_000
_THURSDAY = EPOCH.weekday()


@dataclass(frozen=True, slots=True)
class Calendar:
    """A project's time zone and first day of the week. `week_start`: 0 is Monday, 6 is Sunday."""

    zone: ZoneInfo
    week_start: int = 0

    def number(self, interval: Interval, day: dt.date) -> int:
        """The period that contains the local day; for hours, its first hour."""
        if interval == "hour":
            return _hour_number(self.midnight(day), self.zone)
        return _NUMBER[interval](day, self.week_start)

    def span(self, interval: Interval, first: dt.date, last: dt.date) -> range:
        """All periods from the one that contains `first` to the one that contains `last`, inclusive."""
        # Up to the next local midnight: a day with a clock change has 23 or 25 hours.
        stop = self.number(interval, last + dt.timedelta(1) if interval == "hour" else last)
        return range(self.number(interval, first), stop if interval == "hour" else stop + 1)

    def first_day(self, interval: Interval, number: int) -> dt.date:
        """The local day on which the period begins."""
        if interval == "hour":
            return self.start(interval, number).astimezone(self.zone).date()
        return _FIRST_DAY[interval](number, self.week_start)

    def days(self, interval: Interval, periods: range) -> tuple[dt.date, dt.date]:
        """First and last local day of consecutive periods."""
        if interval == "hour":
            return self.first_day("hour", periods[0]), self.first_day("hour", periods[-1])
        return self.first_day(interval, periods[0]), self.first_day(interval, periods[-1] + 1) - dt.timedelta(
            1
        )

    def midnight(self, day: dt.date) -> dt.datetime:
        """The instant (UTC) at which a local day begins, even if its midnight is skipped or repeated."""
        return dt.datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(dt.UTC)

    def start(self, interval: Interval, number: int) -> dt.datetime:
        """The instant (UTC) at which a period begins; it ends where the next one begins."""
        if interval != "hour":
            return self.midnight(self.first_day(interval, number))
        # Only minutes of the offset count: with its hours, the two equal hours in autumn would share a number.
        earliest = _instant(number * HOUR)
        return earliest - dt.timedelta(seconds=_offset(earliest, self.zone) % HOUR)

    def elapsed(self, interval: Interval, number: int, now: dt.datetime) -> bool:
        return self.start(interval, number + 1) <= now

    def label(self, interval: Interval, number: int) -> str:
        """`2026-01-05`; an hour as `2026-01-05T14:00+01:00`, so that the repeated hour in autumn has two labels."""
        if interval == "hour":
            return self.start(interval, number).astimezone(self.zone).isoformat(timespec="minutes")
        return self.first_day(interval, number).isoformat()


@dataclass(frozen=True, slots=True)
class Window:
    """The consecutive periods of a question. Expressions count them from 0."""

    calendar: Calendar
    interval: Interval
    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def first_day(self) -> dt.date:
        return self.calendar.days(self.interval, self.numbers)[0]

    @property
    def last_day(self) -> dt.date:
        return self.calendar.days(self.interval, self.numbers)[1]

    def widened(self, before: int) -> "Window":
        """The window with `before` more periods at its beginning. Period 0 is then the first of those."""
        return Window(self.calendar, self.interval, range(self.numbers.start - before, self.numbers.stop))

    def of_timestamp(self, timestamp: ir.TimestampValue) -> ir.IntegerValue:
        days = self.first_day, self.last_day
        number = period_of_timestamp(self.interval, timestamp, self.calendar, *days)
        return cast("ir.IntegerValue", number - self.numbers.start)

    def contains(self, timestamp: ir.TimestampValue) -> ir.BooleanValue:
        """Whether a timestamp is in the window. Cheaper than of_timestamp."""
        if self.interval == "hour":
            return is_between(self.of_timestamp(timestamp), 0, len(self) - 1)
        first, last = ((day - EPOCH).days * DAY * MICRO for day in (self.first_day, self.last_day))
        local = _local_micros(timestamp, self.calendar.zone, self.first_day, self.last_day)
        return is_between(local, first, last + DAY * MICRO - 1)

    def of_date(self, day: ir.DateValue) -> ir.IntegerValue:
        """The period of a local date (not for hours)."""
        number = period_of_day(self.interval, int64(day.epoch_days()), self.calendar.week_start)
        return cast("ir.IntegerValue", number - self.numbers.start)

    def label(self, index: int) -> str:
        return self.calendar.label(self.interval, self.numbers[index])

    def index(self, label: str) -> int | None:
        """The period with this label; None if it is not in the window."""
        return next((index for index in range(len(self)) if self.label(index) == label), None)

    def elapsed(self, index: int, now: dt.datetime) -> bool:
        return self.calendar.elapsed(self.interval, self.numbers[index], now)


def local_day(timestamp: ir.TimestampValue, zone: ZoneInfo, first: dt.date, last: dt.date) -> ir.IntegerValue:
    """The number of each timestamp's local day. Exact for local days from `first` to `last`.

    Outside of them the nearest known offset is used. The result may then be a day off, but never inside the range.
    """
    return _local_micros(timestamp, zone, first, last) // (DAY * MICRO)


def _local_micros(
    timestamp: ir.TimestampValue, zone: ZoneInfo, first: dt.date, last: dt.date
) -> ir.IntegerValue:
    micros = epoch_us(timestamp)
    return cast("ir.IntegerValue", micros + _offset_expr(micros, offsets(zone, first, last)))


def period_of_timestamp(
    interval: Interval, timestamp: ir.TimestampValue, calendar: Calendar, first: dt.date, last: dt.date
) -> ir.IntegerValue:
    """The number of the period of each timestamp (see local_day for `first` and `last`)."""
    if interval != "hour":
        return period_of_day(interval, local_day(timestamp, calendar.zone, first, last), calendar.week_start)
    # As in Calendar.start: whole hours of the offset do not move the start of an hour.
    within = tuple((since, offset % HOUR) for since, offset in offsets(calendar.zone, first, last))
    micros = epoch_us(timestamp)
    return cast("ir.IntegerValue", micros + _offset_expr(micros, within)) // (HOUR * MICRO)


def period_of_day(interval: Interval, day: ir.IntegerValue, week_start: int = 0) -> ir.IntegerValue:
    """The number of the day, week or month of each local day number (`date.epoch_days()`)."""
    return _OF_DAY[interval](day, week_start)


@lru_cache(maxsize=512)
def offsets(zone: ZoneInfo, first: dt.date, last: dt.date) -> Steps:
    """UTC offsets (seconds) in force from the local day `first` to `last`, each with the epoch second it began."""
    begin, end = ((day - EPOCH).days * DAY for day in (first, last))
    # A local day can begin up to 14 hours before its UTC day, or end as much after it.
    begin, end = begin - DAY, end + 2 * DAY
    found = [(begin, _offset(_instant(begin), zone))]
    for second in range(begin, end, DAY):
        after = _offset(_instant(second + DAY), zone)
        if after != found[-1][1]:
            found.append((_change(zone, second, second + DAY), after))
    return tuple(found)


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second in (before, after] with the offset of `after`."""
    target = _offset(_instant(after), zone)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset(_instant(middle), zone) == target else (middle, after)
    return after


def _offset(instant: dt.datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0


def _instant(second: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(second, dt.UTC)


def _hour_number(instant: dt.datetime, zone: ZoneInfo) -> int:
    return (round(instant.timestamp()) + _offset(instant, zone) % HOUR) // HOUR


def _offset_expr(micros: ir.IntegerValue, steps: Steps) -> ir.IntegerValue | int:
    """The offset in force at each instant, in microseconds."""
    if len(steps) == 1:
        return steps[0][1] * MICRO
    branches = [
        (micros < integer(until * MICRO), offset * MICRO)
        for (_, offset), (until, _) in itertools.pairwise(steps)
    ]
    return cast("ir.IntegerValue", ibis.cases(*branches, else_=steps[-1][1] * MICRO))


def _week_number(day: dt.date, week_start: int) -> int:
    return ((day - EPOCH).days + (_THURSDAY - week_start) % 7) // 7


def _first_day_of_week(number: int, week_start: int) -> dt.date:
    return EPOCH + dt.timedelta(number * 7 - (_THURSDAY - week_start) % 7)


def _month_expr(day: ir.IntegerValue, _week_start: int) -> ir.IntegerValue:
    date = ibis.date(1970, 1, 1) + day.as_interval("D")
    return cast("ir.IntegerValue", date.year() * 12 + date.month() - 1)


_NUMBER: dict[str, Callable[[dt.date, int], int]] = {
    "day": lambda day, _: (day - EPOCH).days,
    "week": _week_number,
    "month": lambda day, _: day.year * 12 + day.month - 1,
}
_FIRST_DAY: dict[str, Callable[[int, int], dt.date]] = {
    "day": lambda number, _: EPOCH + dt.timedelta(number),
    "week": _first_day_of_week,
    "month": lambda number, _: dt.date(number // 12, number % 12 + 1, 1),
}
_OF_DAY: dict[str, Callable[[ir.IntegerValue, int], ir.IntegerValue]] = {
    "day": lambda day, _: day,
    "week": lambda day, week_start: (day + (_THURSDAY - week_start) % 7) // 7,
    "month": _month_expr,
}
