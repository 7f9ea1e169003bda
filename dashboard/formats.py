"""Numbers, durations, moments and periods as screens write them."""

import datetime as dt
import json

from django.utils.timezone import localdate


def number(value: float) -> str:
    """A whole number, or two places; thousands apart by a thin space, which nobody takes for a decimal sign."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return text.replace(",", "\u202f")


def percent(rate: float) -> str:
    """Whole per cent, but never 0 % for somebody, nor 100 % for not everybody."""
    shown = round(rate * 100)
    if shown == 0 and rate > 0:
        return "<1 %"
    if shown == 100 and rate < 1:
        return ">99 %"
    return f"{shown} %"


def people(count: int) -> str:
    return f"{number(count)} {'person' if count == 1 else 'people'}"


def duration(seconds: int) -> str:
    """In its two greatest units: 42 s, 8 min, 1 h 05 min."""
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 60:
        return f"{seconds} s"
    return f"{minutes} min" if minutes < 60 else f"{hours} h {minutes % 60:02} min"


def ago(moment: dt.datetime, now: dt.datetime) -> str:
    """In words that fit a column; both in the same time zone."""
    past = int((now - moment).total_seconds())
    days = (now.date() - moment.date()).days
    if past < 60:
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
    """Today, Yesterday, or the date, with its year when that is another one: a heading."""
    today = localdate()
    names = {0: "Today", 1: "Yesterday"}
    written = f"{date:%A}, {date.day} {date:%B}"
    return names.get((today - date).days) or (
        written if date.year == today.year else f"{written} {date.year}"
    )


def period(start: str, interval: str) -> str:
    """The name of a period by its first moment: Mon 5 Jan, 5 Jan 2026, Jan 2026, 5 Jan 14:00."""
    moment = dt.datetime.fromisoformat(start)
    if interval == "month":
        return f"{moment:%b %Y}"
    if interval == "hour":
        return f"{moment.day} {moment:%b %H:%M}"
    return f"{moment:%a} {moment.day} {moment:%b}" if interval == "day" else f"{moment.day} {moment:%b %Y}"


def property_value(value: object) -> str:
    """A text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
