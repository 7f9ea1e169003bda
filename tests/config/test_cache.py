"""FIRSTHAND_CACHE_URL: a table, a folder or Redis. Anything else stops the start."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.db import connection
from django.test import override_settings

from config import cache
from config.env import ConfigurationError
from tests.config.installation import eventually
from tests.ports import free_port

ROUND_TRIP: list[Any] = [b"\0\xff", "text", {"cell": [1, 2]}, None]


def opened(url: str) -> BaseCache:
    with override_settings(CACHES={"default": cache.configuration(url)}):
        return caches.create_connection("default")


def test_the_default_is_a_table_in_postgresql() -> None:
    shared = caches["default"]
    assert isinstance(shared, DatabaseCache)
    for number, value in enumerate(ROUND_TRIP):
        shared.set(f"round-trip-{number}", value)
        assert shared.get(f"round-trip-{number}") == value
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = %s", [cache.TABLE])
        assert cursor.fetchone() == ("u",)


def test_a_folder_is_shared(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/with%20blanks"
    opened(url).set("figures", b"7")
    assert opened(url).get("figures") == b"7"
    assert (tmp_path / "with blanks").is_dir()


@pytest.mark.parametrize("url", [cache.DATABASE, "file://{}/cache"])
def test_its_size_is_limited(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cache.SIZE_LIMIT, "MAX_ENTRIES", 30)
    kept = opened(url.format(tmp_path))
    for number in range(90):
        kept.set(f"entry-{number}", number)
    assert sum(kept.get(f"entry-{number}") is not None for number in range(90)) <= 31


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: answers(port), "Redis to answer")
        yield f"redis://127.0.0.1:{port}/0", process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        with redis.Redis(port=port) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_redis_stores_values(server: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    url, _ = server
    for number, value in enumerate(ROUND_TRIP):
        opened(url).set(f"round-trip-{number}", value, 60)
        assert opened(url).get(f"round-trip-{number}") == value


def test_an_unreachable_redis_is_an_empty_cache(server: tuple[str, "subprocess.Popen[bytes]"]) -> None:
    url, process = server
    shared = opened(url)
    shared.set("figures", b"7", 60)
    process.kill()
    process.wait()
    assert shared.get("figures") is None
    shared.set("figures", b"8", 60)


@pytest.mark.parametrize(
    "url",
    [
        "database://elsewhere", "table", "file://relative/folder", "file://", "file:///", "redis://", "locmem://",
        "memcached://cache:11211",
    ],
)  # fmt: skip
def test_an_invalid_url_is_rejected_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match="redis://host:6379/0") as refused:
        cache.configuration(url)
    assert f"FIRSTHAND_CACHE_URL={url!r}" in str(refused.value)


def test_redis_without_its_package_is_rejected_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"requirements/redis\.txt") as refused:
        cache.configuration("redis://:hush@cache.example:6379/0")
    assert "hush" not in str(refused.value)
