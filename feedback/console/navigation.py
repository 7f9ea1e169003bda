"""Where the team's screens stand in the sidebar and in Settings."""

from dashboard.navigation import Section, Tab
from projects.models import Membership

INBOX = (Section("Inbox", "inbox/", "inbox", "i"),)

SETTINGS_TABS = (
    Tab("Notifications", "settings/notifications/", Membership.Role.MEMBER),
    Tab("Webhooks", "settings/webhooks/", Membership.Role.OWNER),
)
