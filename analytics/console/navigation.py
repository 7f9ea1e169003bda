"""Sidebar entries and Settings tabs of analytics."""

from analytics.insights.registry import KINDS
from dashboard.navigation import Section, Tab
from projects.models import Membership

PEOPLE = (Section("People", "people/", "people", "p"),)
INSIGHTS = tuple(
    Section(each.screen.label, f"insights/{each.name}/", each.screen.icon, each.screen.key, group="Insights")
    for each in KINDS.values()
)
SETTINGS = (Section("Settings", "settings/", "settings", "s"),)

SETTINGS_TABS = (
    Tab("Keys and time zone", "settings/"),
    Tab("Ingestion", "settings/ingestion/"),
    Tab("Health", "settings/health/"),
    Tab("Identity", "settings/identity/", Membership.Role.OWNER),
)
