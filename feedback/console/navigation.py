"""Sidebar entries and Settings tabs of feedback."""

from dashboard.navigation import Section, Tab
from projects.models import Membership

INBOX = (Section("Inbox", "inbox/", "inbox", "i"),)

SETTINGS_TABS = (
    Tab("Notifications", "settings/notifications/", Membership.Role.MEMBER),
    Tab("Webhooks", "settings/webhooks/", Membership.Role.OWNER),
)
