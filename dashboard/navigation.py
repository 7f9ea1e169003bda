"""The sidebar and the tabs of Settings. Each app defines its entries; config/settings.py orders them."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from projects.access import RANK
from projects.models import Membership


@dataclass(frozen=True, slots=True)
class Section:
    """A sidebar entry. `path` is relative to the project, `key` is pressed after `g`, `group` is its heading."""

    label: str
    path: str
    icon: str
    key: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of Settings, shown to members with at least this role. `path` is relative to the project."""

    label: str
    path: str
    role: Membership.Role = Membership.Role.VIEWER


@dataclass(frozen=True, slots=True)
class Link:
    """A sidebar entry or tab, resolved for one page."""

    label: str
    href: str
    current: bool
    icon: str = ""
    key: str = ""
    group: str = ""


def sections(slug: str, path: str) -> list[Link]:
    """The sidebar of a project. `path` is the current page's."""
    base = f"/projects/{slug}/"
    found: list[Section] = [
        section for name in settings.DASHBOARD_SECTIONS for section in import_string(name)
    ]
    return [
        Link(each.label, base + each.path, path.startswith(base + each.path), each.icon, each.key, each.group)
        for each in found
    ]


def settings_tabs(membership: Membership, path: str) -> list[Link]:
    base = f"/projects/{membership.project.slug}/"
    rank = RANK[Membership.Role(membership.role)]
    found: list[Tab] = [tab for name in settings.DASHBOARD_SETTINGS_TABS for tab in import_string(name)]
    return [
        Link(tab.label, base + tab.path, path == base + tab.path) for tab in found if RANK[tab.role] <= rank
    ]
