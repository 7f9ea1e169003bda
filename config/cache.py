"""FIRSTHAND_CACHE_URL: the cache that all web processes and machines share."""

import logging
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.cache.backends.redis import RedisCache

from config.env import ConfigurationError

DATABASE = "database://"
TABLE = "analytics_cache"
SIZE_LIMIT = {"MAX_ENTRIES": 4_000, "CULL_FREQUENCY": 4}
"""Beyond MAX_ENTRIES, a quarter of the entries is removed."""

# Without timeouts, a server that drops packets would hang every request instead of being an empty cache.
TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 1}

log = logging.getLogger(__name__)


class Redis(RedisCache):
    """Treats an unreachable server as an empty cache, so that requests are slower instead of failing."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        # Imported here, because redis is an optional package.
        from redis.exceptions import RedisError

        try:
            return super().get(key, default, version)
        except RedisError as error:
            log.warning("cannot read from the cache: %s", error)
            return default

    def set(self, key: Any, value: Any, *args: Any, **options: Any) -> None:
        from redis.exceptions import RedisError

        try:
            super().set(key, value, *args, **options)
        except RedisError as error:
            log.warning("cannot write to the cache: %s", error)


def configuration(url: str) -> dict[str, Any]:
    """Django's CACHES["default"] for a URL. Raises ConfigurationError for an unsupported one."""
    parts = urlsplit(url)
    if url == DATABASE:
        backend = {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": TABLE,
            "OPTIONS": SIZE_LIMIT,
        }
    elif parts.scheme == "file" and not parts.netloc and len(parts.path) > 1:
        folder = unquote(parts.path)
        backend = {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": folder,
            "OPTIONS": SIZE_LIMIT,
        }
    elif parts.scheme in {"redis", "rediss"} and parts.hostname:
        if find_spec("redis") is None:
            raise ConfigurationError(
                f"FIRSTHAND_CACHE_URL={_without_password(url)!r} needs the package redis;"
                " install it with: pip install -r requirements/redis.txt"
            )
        backend = {"BACKEND": "config.cache.Redis", "LOCATION": url, "OPTIONS": TIMEOUTS}
    else:
        raise ConfigurationError(
            f"FIRSTHAND_CACHE_URL={_without_password(url)!r} is not a cache URL; leave it out to use PostgreSQL,"
            " or set file:///path/to/folder or redis://host:6379/0"
        )
    # Other programs may share the Redis server.
    return backend | {"KEY_PREFIX": "firsthand"}


def _without_password(url: str) -> str:
    # Error messages end up in logs. The last @, because a password may contain others.
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://…@{after}" if at else url
