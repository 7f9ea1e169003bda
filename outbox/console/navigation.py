"""Settings tabs of the outbox."""

from dashboard.navigation import Tab
from projects.models import Membership

SETTINGS_TABS = (Tab("Deliveries", "settings/deliveries/", Membership.Role.OWNER),)
