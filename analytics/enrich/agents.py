"""Browser, OS and device from user agents; country from IP addresses. Neither of the two is stored."""

import logging
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

import maxminddb
import msgspec
from django.conf import settings
from django.db.backends.utils import CursorWrapper
from ua_parser import parse

from analytics.statements import statement

log = logging.getLogger(__name__)

Agent = tuple[str | None, str | None, str]
"""Browser, OS, and one of desktop, mobile, tablet, bot, server."""

AGENT = ("user_agent", "browser", "os", "device")
BOTS = frozenset({"Spider"})
TABLETS = ("iPad", "Kindle", "Tablet", "Galaxy Tab", "Nexus 7", "Nexus 9", "Nexus 10", "Xiaomi Pad")
PHONE_SYSTEMS = frozenset(
    {"iOS", "Android", "Windows Phone", "BlackBerry OS", "KaiOS", "HarmonyOS", "Firefox OS"}
)
DESKTOP_SYSTEMS = frozenset({
    "Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS", "Fedora", "Debian", "FreeBSD", "OpenBSD", "Arch Linux",
})  # fmt: skip


@lru_cache(maxsize=20_000)
def agent(user_agent: str) -> Agent:
    """Parse a user agent. Without a known desktop or mobile OS it is a server's (python-requests, okhttp, curl)."""
    parsed = parse(user_agent)
    browser = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    family = parsed.device.family if parsed.device else ""
    return browser, system, _device(user_agent, system, family)


def _device(user_agent: str, system: str | None, family: str) -> str:
    if family in BOTS or "bot" in user_agent.lower():
        return "bot"
    if any(name in family for name in TABLETS) or (system == "Android" and "Mobile" not in user_agent):
        return "tablet"
    if system in PHONE_SYSTEMS:
        return "mobile"
    return "desktop" if system in DESKTOP_SYSTEMS else "server"


Countries = Callable[[str], str | None]


@cache
def countries(path: str) -> Countries | None:
    """The look-up in the GeoIP database at `path`, or None. An unreadable file is logged once."""
    if not path:
        return None
    try:
        reader = maxminddb.open_database(Path(path))
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        log.warning("FIRSTHAND_GEOIP=%s cannot be used, so events get no country: %s", path, error)
        return None
    return lru_cache(maxsize=100_000)(lambda ip: _country(reader, ip))


def _country(reader: maxminddb.Reader, ip: str) -> str | None:
    try:
        found = reader.get(ip)
    except ValueError:
        return None
    country = found.get("country") if isinstance(found, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else None
    return code if isinstance(code, str) else None


def describe(cursor: CursorWrapper) -> None:
    """Fill the temporary tables `agent` and `place` for the distinct user agents and addresses of the batch."""
    cursor.execute(statement("enrich/agents"))
    agents = [dict(zip(AGENT, (text, *agent(text)), strict=True)) for (text,) in cursor.fetchall()]
    places = []
    if lookup := countries(settings.GEOIP_PATH):
        cursor.execute(statement("enrich/addresses"))
        places = [{"ip": ip, "country": lookup(ip)} for (ip,) in cursor.fetchall()]
    cursor.execute(statement("enrich/descriptions"), {"agents": _json(agents), "places": _json(places)})


def _json(rows: list[dict[str, str | None]]) -> str:
    return msgspec.json.encode(rows).decode()
