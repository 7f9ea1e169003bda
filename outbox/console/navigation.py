"""Where deliveries stand in Settings."""

from dashboard.navigation import Tab
from projects.models import Membership

SETTINGS_TABS = (Tab("Deliveries", "settings/deliveries/", Membership.Role.OWNER),)
