"""Where the team's screens stand in the sidebar."""

from dashboard.navigation import Section

INBOX = (Section("Inbox", "inbox/", "inbox", "i"),)
