"""Template tags and filters of the dashboard's design system; templates load them as `ui`."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localdate, localtime

register = template.Library()

HUES = 12


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the sidebar: where it leads below the project, and its second key after `g`."""

    label: str
    path: str
    icon: str
    key: str = ""


SECTIONS = (
    Section("People", "people/", "people", "p"),
    Section("Inbox", "inbox/", "inbox", "i"),
    Section("Trends", "insights/trends/", "trends", "t"),
    Section("Retention", "insights/retention/", "retention", "r"),
    Section("Settings", "settings/", "settings", "s"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A section as the page at hand shows it."""

    label: str
    href: str
    icon: str
    key: str
    current: bool


@register.simple_tag(takes_context=True)
def sections(context: Context) -> list[Link]:
    """The sidebar's links, with the one that the request is in marked as current."""
    base = f"/projects/{context['project'].slug}/"
    path = context["request"].path
    return [
        Link(item.label, base + item.path, item.icon, item.key, path.startswith(base + item.path))
        for item in SECTIONS
    ]


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """A decorative icon out of the sprite; what it stands for is always said in words beside it."""
    href = f"{static('icons.svg')}#{name}"
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}"></use></svg>', extra, href)


@register.simple_tag
def sheet_url(name: str) -> str:
    return static(f"css/{name}.css")


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def hue(key: Any) -> int:
    """One of the avatar's hues, always the same for the same person."""
    return hashlib.sha256(str(key).encode()).digest()[0] % HUES


@register.filter
def initials(name: str) -> str:
    """At most two letters: of the first two words, of an address's local part, or of an id."""
    parts = [
        part
        for part in name.partition("@")[0].replace(".", " ").replace("_", " ").split()
        if part[0].isalnum()
    ]
    return "".join(part[0] for part in parts[:2]).upper() or "?"


@register.filter
def other_id(person: Any) -> str:
    """What to write under a name: the first distinct id that is not the name itself, and how many there are more."""
    others = [distinct_id for distinct_id in person.distinct_ids if distinct_id != person.name]
    if not others:
        return "" if person.identified else "not identified"
    more = len(others) - 1
    return f"{others[0]} and {more} more" if more else str(others[0])


@register.filter
def number(value: int) -> SafeString:
    """Thousands apart by a thin space, which no reader takes for a decimal sign."""
    return format_html("{}", f"{value:,}".replace(",", "\u202f"))


@register.filter
def seconds(value: int) -> str:
    """A duration in its two greatest units: 42 s, 8 min, 1 h 05 min."""
    minutes, hours = value // 60, value // 3600
    if value < 60:
        return f"{value} s"
    return f"{minutes} min" if minutes < 60 else f"{hours} h {minutes % 60:02} min"


@register.simple_tag
def when(moment: dt.datetime) -> SafeString:
    """How long ago, with the exact local time on hover and for machines."""
    return _time(localtime(moment), ago(localtime(moment), localtime()))


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


@register.simple_tag
def clock(moment: dt.datetime) -> SafeString:
    """The local time of day; its date is in a heading above."""
    return _time(localtime(moment), f"{localtime(moment):%H:%M}")


def _time(local: dt.datetime, shown: str) -> SafeString:
    exact = f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, shown)


@register.filter
def day_name(day: dt.date) -> str:
    """Today, Yesterday, or the date, with its year when that is another one: a heading."""
    today = localdate()
    names = {0: "Today", 1: "Yesterday"}
    date = f"{day:%A}, {day.day} {day:%B}"
    return names.get((today - day).days) or (date if day.year == today.year else f"{date} {day.year}")
