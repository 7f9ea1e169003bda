"""Path, domain and campaign parameters of a page's URL."""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

MAX_CACHED = 1000
CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


class UrlParts(NamedTuple):
    """Empty where the URL has no such part, and all empty for an invalid URL. A missing path is "/"."""

    path: str = ""
    domain: str = ""
    campaign: tuple[str, ...] = ("",) * len(CAMPAIGN)


def parse_url(url: str) -> UrlParts:
    # Long ones are parsed each time: the cache is bounded in entries, and thousands of megabytes could be among them.
    return _cached(url) if len(url) <= MAX_CACHED else _parse(url)


def _parse(url: str) -> UrlParts:
    try:
        # Raises ValueError for a broken IPv6 host.
        parts = urlsplit(url)
        domain = parts.hostname or ""
        query = parse_qs(parts.query, max_num_fields=200)
    except ValueError:
        return UrlParts()
    path = parts.path or ("/" if domain else "")
    return UrlParts(path, domain, tuple(query.get(name, [""])[0] for name in CAMPAIGN))


_cached = lru_cache(maxsize=8192)(_parse)
