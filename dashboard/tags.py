"""Template tags and filters of the dashboard's design system; templates load them as `ui`."""

import datetime as dt
import hashlib
from typing import Any

from django import template
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from dashboard import formats, navigation
from dashboard.live import changes
from projects.access import get_membership
from projects.models import Project

register = template.Library()

HUES = 12


@register.simple_tag(takes_context=True)
def sections(context: Context) -> list[navigation.Link]:
    """The sidebar's links. Empty on pages without a project."""
    project = context.get("project")
    return navigation.sections(project.slug, context["request"].path) if project else []


@register.simple_tag(takes_context=True)
def settings_tabs(context: Context) -> list[navigation.Link]:
    request = context["request"]
    membership = get_membership(request.user, context["project"])
    return navigation.settings_tabs(membership, request.path)


@register.simple_tag
def changes_of(project: Project, person_id: int | None = None) -> str:
    """The value of `data-changes`: the element gets a "changed" event whenever the project or the person changes."""
    return f"/live/{changes.token(project.pk, person_id)}"


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the sprite. Hidden from screen readers, so always add text or a label."""
    href = f"{static('icons.svg')}#{name}"
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}"></use></svg>', extra, href)


@register.simple_tag
def sheet_url(name: str) -> str:
    return static(f"css/{name}.css")


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def sentence(text: object) -> str:
    """An error message as a sentence: messages start in lower case and end without a full stop."""
    words = str(text)
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '?')) else '.'}"


@register.filter
def hue(key: Any) -> int:
    """The avatar's hue, stable for each person."""
    # Not hash(): it differs between processes, so avatars would change colour.
    return hashlib.sha256(str(key).encode()).digest()[0] % HUES


@register.filter
def initials(name: str) -> str:
    """At most two letters, from the first two words of a name, an email's local part or an ID."""
    parts = [
        part
        for part in name.partition("@")[0].replace(".", " ").replace("_", " ").split()
        if part[0].isalnum()
    ]
    return "".join(part[0] for part in parts[:2]).upper() or "?"


@register.filter
def other_id(person: Any) -> str:
    """The line below a name: the first distinct ID other than the name, and how many more there are."""
    others = [distinct_id for distinct_id in person.distinct_ids if distinct_id != person.name]
    if not others:
        return "" if person.identified else "not identified"
    more = len(others) - 1
    return f"{others[0]} and {more} more" if more else str(others[0])


@register.filter
def number(value: float) -> str:
    return formats.number(value)


@register.filter
def property_value(value: object) -> str:
    return formats.property_value(value)


@register.filter
def seconds(value: int) -> str:
    return formats.duration(value)


@register.simple_tag
def when(moment: dt.datetime) -> SafeString:
    """A relative time, with the exact local time as its tooltip and `datetime` attribute."""
    return _time(localtime(moment), formats.ago(localtime(moment), localtime()))


@register.simple_tag
def clock(moment: dt.datetime) -> SafeString:
    """The local time of day."""
    return _time(localtime(moment), f"{localtime(moment):%H:%M}")


def _time(local: dt.datetime, shown: str) -> SafeString:
    exact = f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, shown)


@register.filter
def day_name(day: dt.date) -> str:
    return formats.day(day)
