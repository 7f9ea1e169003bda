"""The database goes away and comes back: everything acknowledged is there once, in order, and the books are right."""

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
from tests.analytics.ingest.cable import Cable
from tests.analytics.ingest.conftest import Harness, rows
from tests.people import Team


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable(os.environ["DATABASE_URL"]) as cable:
        yield cable


@pytest.fixture
def away(cable: Cable, own_home: Path, team: Team) -> Iterator[Harness]:
    """A door behind a cable, with a spool of its own; it knows the team's key."""
    with LocalIngest(cable.url) as ingest:
        harness = Harness(ingest, team)
        assert send(harness, 0).status_code == 200
        yield harness


def send(harness: Harness, number: int) -> Any:
    return harness.batch(
        {"type": "track", "userId": "ana", "event": f"e{number}", "messageId": str(uuid.UUID(int=number))}
    )


def eventually(true: Callable[[], bool], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)


def spooled(home: Path) -> list[Path]:
    return sorted((home / "spool").glob("*.spool"))


def test_an_outage_is_bridged_by_the_spool(away: Harness, cable: Cable, own_home: Path) -> None:
    cable.cut()
    for number in range(1, 6):
        assert send(away, number).status_code == 200
    assert len(away.inbox()) == 1
    assert len(spooled(own_home)) == 1
    cable.mend()
    eventually(lambda: len(away.inbox()) == 6)
    eventually(lambda: not spooled(own_home))
    send(away, 6)
    assert [row["event"] for row in away.inbox()] == [f"e{number}" for number in range(7)]
    assert away.ledger() == {"received": 7}


def test_what_is_refused_during_an_outage_is_counted_too(away: Harness, cable: Cable) -> None:
    cable.cut()
    assert away.batch({"type": "track", "event": "x"}).json()["rejected"][0]["reason"] == "no_id"
    cable.mend()
    eventually(lambda: away.ledger() == {"received": 2, "refused no_id": 1})
    assert [each["reason"] for each in away.warnings()] == ["no_id"]


def test_an_outage_in_the_middle_of_many_requests_loses_none(away: Harness, cable: Cable) -> None:
    """Some commits end unknown: those events may come twice, under one id, and never not at all."""
    acknowledged: list[int] = []

    def client(start: int) -> None:
        acknowledged.extend(n for n in range(start, start + 60) if send(away, n).status_code == 200)

    clients = [threading.Thread(target=client, args=(1000 * n,)) for n in range(1, 5)]
    for each in clients:
        each.start()
    for _ in range(3):
        time.sleep(0.15)
        cable.cut()
        time.sleep(0.1)
        cable.mend()
    for each in clients:
        each.join()
    assert len(acknowledged) == 240
    ids = {uuid.UUID(int=number) for number in acknowledged}
    eventually(lambda: ids <= {row["id"] for row in away.inbox()})
    eventually(lambda: away.ledger()["received"] == len(away.inbox()))


def test_a_database_that_does_not_answer_is_as_good_as_away(
    away: Harness, cable: Cable, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "COMMIT_TIMEOUT", 0.3)
    cable.stall()
    assert send(away, 1).status_code == 200
    assert len(spooled(own_home)) == 1
    cable.flow()
    eventually(lambda: uuid.UUID(int=1) in {row["id"] for row in away.inbox()})
    eventually(lambda: not spooled(own_home))


def test_a_start_during_an_outage_takes_what_known_keys_send(
    cable: Cable, own_home: Path, team: Team
) -> None:
    with LocalIngest(cable.url) as ingest:
        assert send(Harness(ingest, team), 0).status_code == 200
    cable.cut()
    with LocalIngest(cable.url) as ingest:
        harness = Harness(ingest, team)
        assert send(harness, 1).status_code == 200
        stranger = ingest.post("/v1/track", {"userId": "x", "event": "x"}, key="perhaps-new")
        assert (stranger.status_code, "retry-after" in stranger.headers) == (503, True)
    assert len(spooled(own_home)) == 1
    cable.mend()
    with LocalIngest(cable.url) as ingest:
        eventually(lambda: [row["event"] for row in harness.inbox()] == ["e0", "e1"])


def test_a_full_spool_asks_to_come_again(
    cable: Cable, own_home: Path, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTHAND_SPOOL_LIMIT", "1000")
    with LocalIngest(cable.url) as ingest:
        harness = Harness(ingest, team)
        assert send(harness, 0).status_code == 200
        cable.cut()
        statuses = [send(harness, number).status_code for number in range(1, 10)]
        assert statuses[0] == 200
        assert statuses[-1] == 503
        kept = statuses.count(200)
        cable.mend()
        eventually(lambda: len(harness.inbox()) == 1 + kept)
        assert harness.ledger() == {"received": 1 + kept}


def test_a_file_that_was_replayed_before_it_could_be_removed_is_not_replayed_again(
    cable: Cable, own_home: Path, team: Team
) -> None:
    with LocalIngest(cable.url) as ingest:
        harness = Harness(ingest, team)
        send(harness, 0)
        cable.cut()
        send(harness, 1)
    (file,) = spooled(own_home)
    content = file.read_bytes()
    cable.mend()
    with LocalIngest(cable.url):
        eventually(lambda: not file.exists())
    file.write_bytes(content)
    with LocalIngest(cable.url):
        eventually(lambda: not file.exists())
    assert [row["event"] for row in harness.inbox()] == ["e0", "e1"]
    assert harness.ledger() == {"received": 2}
    assert len(rows("SELECT 1 FROM analytics_spool_replayed WHERE name = %s", file.name)) == 1


def test_a_record_torn_by_a_crash_is_left_out_and_those_before_it_are_not(
    cable: Cable, own_home: Path, team: Team
) -> None:
    with LocalIngest(cable.url) as ingest:
        harness = Harness(ingest, team)
        send(harness, 0)
        cable.cut()
        send(harness, 1)
        send(harness, 2)
    (file,) = spooled(own_home)
    file.write_bytes(file.read_bytes()[:-7])
    cable.mend()
    with LocalIngest(cable.url):
        eventually(lambda: not file.exists())
    assert [row["event"] for row in harness.inbox()] == ["e0", "e1"]
