"""The address of this installation, for links in mail."""

from django.conf import settings

from config.home import up


def address() -> str:
    """FIRSTHAND_URL, or where the installation of this home listens. Without a slash at the end."""
    return settings.SITE_URL or up.site(settings.HOME)
