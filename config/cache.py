"""FIRSTHAND_CACHE_URL: where answers are kept for all web processes and machines. Django's own backends."""

import logging
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.cache.backends.redis import RedisCache

from config.env import ConfigurationError

DATABASE = "database://"
TABLE = "analytics_cache"
MOST = {"MAX_ENTRIES": 4_000, "CULL_FREQUENCY": 4}
"""Beyond so many entries a quarter of them goes."""

AWAY = {"socket_connect_timeout": 1, "socket_timeout": 1}

log = logging.getLogger(__name__)


class Redis(RedisCache):
    """A server that is away has nothing and keeps nothing: answers are then computed, and nobody gets an error."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        from redis.exceptions import RedisError

        try:
            return super().get(key, default, version)
        except RedisError as error:
            log.warning("the cache cannot be read: %s", error)
            return default

    def set(self, key: Any, value: Any, *args: Any, **options: Any) -> None:
        from redis.exceptions import RedisError

        try:
            super().set(key, value, *args, **options)
        except RedisError as error:
            log.warning("the cache cannot be written: %s", error)


def configuration(url: str) -> dict[str, Any]:
    """Django's CACHES["default"]. Raises ConfigurationError for an address that cannot be used."""
    parts = urlsplit(url)
    if url == DATABASE:
        place = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": TABLE, "OPTIONS": MOST}
    elif parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        folder = unquote(parts.path)
        place = {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": folder,
            "OPTIONS": MOST,
        }
    elif parts.scheme in {"redis", "rediss"} and parts.hostname:
        if find_spec("redis") is None:
            raise ConfigurationError(
                f"FIRSTHAND_CACHE_URL={_shown(url)!r} needs the package redis;"
                " install it: pip install -r requirements/redis.txt"
            )
        place = {"BACKEND": "config.cache.Redis", "LOCATION": url, "OPTIONS": AWAY}
    else:
        raise ConfigurationError(
            f"FIRSTHAND_CACHE_URL={_shown(url)!r} is no address of a cache; leave it out for a table in PostgreSQL,"
            " or write file:///path/to/folder or redis://host:6379/0"
        )
    return place | {"KEY_PREFIX": "firsthand"}


def _shown(url: str) -> str:
    """Without its password: errors end up in logs."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://…@{after}" if at else url
