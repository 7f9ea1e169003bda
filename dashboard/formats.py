"""Formatting of numbers, durations, times and periods."""

import datetime as dt
import json

from django.utils.timezone import localdate


def number(value: float) -> str:
    """Without decimals for whole numbers, otherwise with two."""
    # A thin space between thousands: readers in some countries take a comma for the decimal sign.
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return text.replace(",", "\u202f")


def percent(rate: float) -> str:
    """Whole percent. "0 %" means nobody and "100 %" means everybody; rounding never produces them."""
    shown = round(rate * 100)
    if shown == 0 and rate > 0:
        return "<1 %"
    if shown == 100 and rate < 1:
        return ">99 %"
    return f"{shown} %"


def people(count: int) -> str:
    return f"{number(count)} {'person' if count == 1 else 'people'}"


def duration(seconds: int) -> str:
    """For example 42 s, 8 min, 1 h 05 min."""
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 60:
        return f"{seconds} s"
    return f"{minutes} min" if minutes < 60 else f"{hours} h {minutes % 60:02} min"


def ago(moment: dt.datetime, now: dt.datetime) -> str:
    """For example 8 min ago. Both times must be in the same time zone, which decides what yesterday is."""
    past = int((now - moment).total_seconds())
    days = (now.date() - moment.date()).days
    if past < 60:
        # A client's clock may be ahead. Beyond a minute, show the date.
        return "just now" if past > -60 else f"{moment.day} {moment:%b %Y}"
    if past < 3600:
        return f"{past // 60} min ago"
    if days == 0:
        return f"{past // 3600} h ago"
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"{days} days ago"
    return f"{moment.day} {moment:%b}" if moment.year == now.year else f"{moment.day} {moment:%b %Y}"


def day(date: dt.date) -> str:
    """Today, Yesterday or the date. The year is shown if it is not the current one."""
    today = localdate()
    names = {0: "Today", 1: "Yesterday"}
    written = f"{date:%A}, {date.day} {date:%B}"
    return names.get((today - date).days) or (
        written if date.year == today.year else f"{written} {date.year}"
    )


def period(start: str, interval: str) -> str:
    """A period by its start: Mon 5 Jan, 5 Jan 2026 (weeks), Jan 2026, 5 Jan 14:00."""
    moment = dt.datetime.fromisoformat(start)
    if interval == "month":
        return f"{moment:%b %Y}"
    if interval == "hour":
        return f"{moment.day} {moment:%b %H:%M}"
    return f"{moment:%a} {moment.day} {moment:%b}" if interval == "day" else f"{moment.day} {moment:%b %Y}"


def property_value(value: object) -> str:
    """A text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
