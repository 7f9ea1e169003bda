"""Database outages: every acknowledged event is stored once, in order, and counted in the ledger."""

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.ingest import commit
from analytics.ingest.local import LocalIngest
from tests.analytics.ingest.conftest import Harness, rows
from tests.analytics.ingest.database_proxy import DatabaseProxy
from tests.people import Team


@pytest.fixture
def proxy() -> Iterator[DatabaseProxy]:
    with DatabaseProxy(os.environ["DATABASE_URL"]) as proxy:
        yield proxy


@pytest.fixture
def behind_proxy(proxy: DatabaseProxy, own_home: Path, team: Team) -> Iterator[Harness]:
    """Ingest with a database that the test can cut off, and its own spool. It has cached the team's key."""
    with LocalIngest(proxy.url) as ingest:
        harness = Harness(ingest, team)
        assert send(harness, 0).status_code == 200
        yield harness


def send(harness: Harness, number: int) -> Any:
    return harness.batch(
        {"type": "track", "userId": "ana", "event": f"e{number}", "messageId": str(uuid.UUID(int=number))}
    )


def eventually(true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "the condition was not met in time"
        time.sleep(0.05)


def spooled(home: Path) -> list[Path]:
    return sorted((home / "spool").glob("*.spool"))


def test_the_spool_bridges_an_outage(behind_proxy: Harness, proxy: DatabaseProxy, own_home: Path) -> None:
    proxy.cut()
    for number in range(1, 6):
        assert send(behind_proxy, number).status_code == 200
    assert len(behind_proxy.inbox()) == 1
    assert len(spooled(own_home)) == 1
    proxy.restore()
    eventually(lambda: len(behind_proxy.inbox()) == 6)
    eventually(lambda: not spooled(own_home))
    send(behind_proxy, 6)
    assert [row["event"] for row in behind_proxy.inbox()] == [f"e{number}" for number in range(7)]
    assert behind_proxy.ledger() == {"received": 7}


def test_rejections_during_an_outage_are_counted(behind_proxy: Harness, proxy: DatabaseProxy) -> None:
    proxy.cut()
    assert behind_proxy.batch({"type": "track", "event": "x"}).json()["rejected"][0]["reason"] == "no_id"
    proxy.restore()
    eventually(lambda: behind_proxy.ledger() == {"received": 2, "refused no_id": 1})
    assert [each["reason"] for each in behind_proxy.warnings()] == ["no_id"]


def test_short_outages_under_load_lose_nothing(behind_proxy: Harness, proxy: DatabaseProxy) -> None:
    """After a lost connection a commit may or may not have happened, so an event may be stored twice under one id."""
    acknowledged: list[int] = []

    def client(start: int) -> None:
        acknowledged.extend(n for n in range(start, start + 60) if send(behind_proxy, n).status_code == 200)

    clients = [threading.Thread(target=client, args=(1000 * n,)) for n in range(1, 5)]
    for each in clients:
        each.start()
    for _ in range(3):
        time.sleep(0.15)
        proxy.cut()
        time.sleep(0.1)
        proxy.restore()
    for each in clients:
        each.join()
    assert len(acknowledged) == 240
    ids = {uuid.UUID(int=number) for number in acknowledged}
    eventually(lambda: ids <= {row["id"] for row in behind_proxy.inbox()})
    eventually(lambda: behind_proxy.ledger()["received"] == len(behind_proxy.inbox()))


def test_a_database_that_hangs_counts_as_down(
    behind_proxy: Harness, proxy: DatabaseProxy, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "COMMIT_TIMEOUT", 0.3)
    proxy.stall()
    assert send(behind_proxy, 1).status_code == 200
    assert len(spooled(own_home)) == 1
    proxy.resume()
    eventually(lambda: uuid.UUID(int=1) in {row["id"] for row in behind_proxy.inbox()})
    eventually(lambda: not spooled(own_home))


def test_a_start_during_an_outage_accepts_known_keys(
    proxy: DatabaseProxy, own_home: Path, team: Team
) -> None:
    with LocalIngest(proxy.url) as ingest:
        assert send(Harness(ingest, team), 0).status_code == 200
    proxy.cut()
    with LocalIngest(proxy.url) as ingest:
        harness = Harness(ingest, team)
        assert send(harness, 1).status_code == 200
        stranger = ingest.post("/v1/track", {"userId": "x", "event": "x"}, key="perhaps-new")
        assert (stranger.status_code, "retry-after" in stranger.headers) == (503, True)
    assert len(spooled(own_home)) == 1
    proxy.restore()
    with LocalIngest(proxy.url) as ingest:
        eventually(lambda: [row["event"] for row in harness.inbox()] == ["e0", "e1"])


def test_a_full_spool_responds_with_retry_later(
    proxy: DatabaseProxy, own_home: Path, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTHAND_SPOOL_LIMIT", "1000")
    with LocalIngest(proxy.url) as ingest:
        harness = Harness(ingest, team)
        assert send(harness, 0).status_code == 200
        proxy.cut()
        statuses = [send(harness, number).status_code for number in range(1, 10)]
        assert statuses[0] == 200
        assert statuses[-1] == 503
        kept = statuses.count(200)
        proxy.restore()
        eventually(lambda: len(harness.inbox()) == 1 + kept)
        assert harness.ledger() == {"received": 1 + kept}


def test_a_replayed_file_that_was_not_removed_is_not_replayed_again(
    proxy: DatabaseProxy, own_home: Path, team: Team
) -> None:
    with LocalIngest(proxy.url) as ingest:
        harness = Harness(ingest, team)
        send(harness, 0)
        proxy.cut()
        send(harness, 1)
    (file,) = spooled(own_home)
    content = file.read_bytes()
    proxy.restore()
    with LocalIngest(proxy.url):
        eventually(lambda: not file.exists())
    file.write_bytes(content)
    with LocalIngest(proxy.url):
        eventually(lambda: not file.exists())
    assert [row["event"] for row in harness.inbox()] == ["e0", "e1"]
    assert harness.ledger() == {"received": 2}
    assert len(rows("SELECT 1 FROM analytics_spool_replayed WHERE name = %s", file.name)) == 1


def test_a_record_torn_by_a_crash_is_ignored(proxy: DatabaseProxy, own_home: Path, team: Team) -> None:
    with LocalIngest(proxy.url) as ingest:
        harness = Harness(ingest, team)
        send(harness, 0)
        proxy.cut()
        send(harness, 1)
        send(harness, 2)
    (file,) = spooled(own_home)
    file.write_bytes(file.read_bytes()[:-7])
    proxy.restore()
    with LocalIngest(proxy.url):
        eventually(lambda: not file.exists())
    assert [row["event"] for row in harness.inbox()] == ["e0", "e1"]
