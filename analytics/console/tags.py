"""Template tags and filters of the dashboard's design system; templates load them as `ui`."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

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
    parts = [part for part in name.partition("@")[0].replace(".", " ").replace("_", " ").split() if part[0].isalnum()]
    return "".join(part[0] for part in parts[:2]).upper() or "?"
