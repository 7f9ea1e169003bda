"""The public URL of this installation, for links in mail."""

from django.conf import settings

from config.home import up


def address() -> str:
    """FIRSTHAND_URL, or the address where this installation listens. Without a trailing slash."""
    return settings.SITE_URL or up.site_url(settings.HOME)
