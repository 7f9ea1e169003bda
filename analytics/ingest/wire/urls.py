"""What a page's address tells: its path, where it was linked from, and its campaign."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


class Address(NamedTuple):
    """Parts of a URL; empty where it has none, and all empty where it is no URL. A site without a path is its "/"."""

    path: str = ""
    domain: str = ""
    campaign: tuple[str, ...] = ("",) * len(CAMPAIGN)


@lru_cache(maxsize=8192)
def address(url: str) -> Address:
    try:
        parts = urlsplit(url)
        domain = parts.hostname or ""
        query = parse_qs(parts.query, max_num_fields=200)
    except ValueError:
        return Address()
    path = parts.path or ("/" if domain else "")
    return Address(path, domain, tuple(query.get(name, [""])[0] for name in CAMPAIGN))
