"""Where the dashboard's own screens stand in the sidebar and in Settings."""

from dashboard.navigation import Section, Tab

PEOPLE = (Section("People", "people/", "people", "p"),)
INSIGHTS = (
    Section("Trends", "insights/trends/", "trends", "t", group="Insights"),
    Section("Retention", "insights/retention/", "retention", "r", group="Insights"),
)
SETTINGS = (Section("Settings", "settings/", "settings", "s"),)

SETTINGS_TABS = (Tab("Keys and time zone", "settings/"), Tab("Ingestion", "settings/ingestion/"))
