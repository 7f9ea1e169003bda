"""Group commit: many batches in one transaction, invalid rows, and limits."""

import asyncio
import os
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from analytics.ingest import commit, rows
from analytics.ingest.commit import Committer
from analytics.ingest.local import LocalIngest
from analytics.ingest.postgres import RowRejectedError, ScriptConnection
from analytics.ingest.spool import (
    FIRST_COLUMNS,
    RECORD_HEADER,
    RetryLaterError,
    Spool,
    keep_rejected,
    return_rejected,
)
from analytics.ingest.wire.event import Event
from analytics.ingest.write_batch import WriteBatch
from tests.analytics.ingest.conftest import ledger
from tests.analytics.ingest.conftest import rows as select
from tests.people import Team

EVENT_ID = "0197c7a0-0000-7000-8000-000000000001"
AT = "2026-01-02T03:04:05+00:00"


def batch(team: Team, name: str) -> WriteBatch:
    event = Event(
        project_id=str(team.id), id=EVENT_ID, event=name, timestamp=AT, received_at=AT,
        distinct_id="ana",
    )  # fmt: skip
    return WriteBatch(rows.encode([event]), b"", [(rows.received(team.id, 3600), 1)])


async def replay(spool: Spool) -> None:
    committer = Committer(os.environ["DATABASE_URL"], spool)
    looking = asyncio.create_task(committer.watch_spool())
    while spool.files():
        await asyncio.sleep(0.01)
    looking.cancel()


async def put(folder: Path, *batches: WriteBatch) -> list[BaseException | None]:
    """Put all batches at once, and return the result of each."""
    committer = Committer(os.environ["DATABASE_URL"], Spool(folder, 1 << 20))
    running = asyncio.create_task(committer.run())

    async def one(each: WriteBatch) -> None:
        await committer.put(each)

    results = await asyncio.gather(*map(one, batches), return_exceptions=True)
    await committer.close()
    running.cancel()
    return results


def stored(team: Team) -> list[str]:
    found = select(
        "SELECT event, xmin::text AS xmin FROM analytics_inbox WHERE project_id = %s ORDER BY position",
        team.id,
    )
    return [row["event"] for row in found]


def test_pending_batches_are_stored_in_one_transaction(team: Team, tmp_path: Path) -> None:
    results = asyncio.run(put(tmp_path, *(batch(team, f"e{n}") for n in range(50))))
    assert results == [None] * 50
    assert stored(team) == [f"e{n}" for n in range(50)]
    found = select(
        "SELECT count(DISTINCT xmin::text)::int AS count FROM analytics_inbox WHERE project_id = %s", team.id
    )
    assert found == [{"count": 1}]
    assert ledger(team.id) == {"received": 50}


def test_only_the_batch_with_the_invalid_row_is_rejected(team: Team, tmp_path: Path) -> None:
    spoiled = batch(team, "bad\x00")
    results = asyncio.run(put(tmp_path, batch(team, "a"), spoiled, batch(team, "b")))
    assert [type(each) for each in results] == [type(None), RowRejectedError, type(None)]
    assert stored(team) == ["a", "b"]
    assert ledger(team.id) == {"received": 3, "refused not_storable": 1}


def test_replay_keeps_the_events_that_the_database_rejects(team: Team, tmp_path: Path) -> None:
    """They were acknowledged. The others of their request are stored, and all are counted once."""
    one, bad, two = (batch(team, name) for name in ("b", "bad\x00", "c"))
    refused = rows.received(team.id, 3600)._replace(outcome="refused", reason="bot")
    request = WriteBatch(
        one.events + bad.events + two.events, b"", [(rows.received(team.id, 3600), 4), (refused, 1)]
    )
    spool = Spool(tmp_path, 1 << 20)
    spool.append([batch(team, "a"), request])
    spool.rotate()
    asyncio.run(replay(spool))
    assert stored(team) == ["a", "b", "c"]
    assert ledger(team.id) == {"received": 4, "refused bot": 1}
    [kept] = tmp_path.glob("*.rejected")
    assert b"bad\x00" in kept.read_bytes()


def test_rejected_events_can_be_returned_to_the_spool(team: Team, tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20)
    spool.append([batch(team, "bad\x00")])
    spool.rotate()
    asyncio.run(replay(spool))
    [kept] = tmp_path.glob("*.rejected")
    keep_rejected(kept.with_suffix(".spool"), [batch(team, "mended")])
    assert return_rejected(tmp_path) == 1
    asyncio.run(replay(spool))
    assert stored(team) == ["mended"]
    assert ledger(team.id) == {"received": 1}
    assert not list(tmp_path.iterdir())


def test_replay_stores_files_of_an_earlier_release_with_fewer_columns(team: Team, tmp_path: Path) -> None:
    """An upgrade while the database is away: COPY would reject all of its rows, which were acknowledged."""
    told = {
        "project_id": str(team.id),
        "id": EVENT_ID,
        "event": "tab\there",
        "timestamp": AT,
        "received_at": AT,
    }
    told |= {"distinct_id": "ana", "properties": "{}", "user_known": "1", "person_set": '{"a":"\\n"}'}
    row = "\t".join(rows.escape(value) for value in (dict.fromkeys(FIRST_COLUMNS, "") | told).values())
    content = msgspec.msgpack.encode(
        WriteBatch(f"{row}\n".encode(), b"", [(rows.received(team.id, 3600), 1)])
    )
    spool = Spool(tmp_path, 1 << 20)
    (tmp_path / "00000000000000000001-before.spool").write_bytes(
        RECORD_HEADER.pack(len(content), zlib.crc32(content)) + content
    )
    asyncio.run(replay(spool))
    (found,) = select("SELECT * FROM analytics_inbox WHERE project_id = %s", team.id)
    assert {name: str(found[name]) for name in ("event", "user_known", "person_set")} == {
        name: told[name] for name in ("event", "user_known", "person_set")
    }
    assert (found["personless"], found["device_id"]) == (0, None)
    assert ledger(team.id) == {"received": 1}


def test_too_many_pending_bytes_are_answered_with_retry_later(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "MAX_PENDING_BYTES", 600)
    results = asyncio.run(put(tmp_path, *(batch(team, f"e{n}") for n in range(5))))
    assert [type(each) for each in results] == [
        type(None),
        type(None),
        RetryLaterError,
        RetryLaterError,
        RetryLaterError,
    ]
    assert stored(team) == ["e0", "e1"]


def test_a_large_group_is_split(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "MAX_GROUP_BYTES", 600)
    assert asyncio.run(put(tmp_path, *(batch(team, f"e{n}") for n in range(7)))) == [None] * 7
    found = select(
        "SELECT count(DISTINCT xmin::text)::int AS count FROM analytics_inbox WHERE project_id = %s", team.id
    )
    assert found[0]["count"] > 1
    assert stored(team) == [f"e{n}" for n in range(7)]


def transactions(team: Team) -> list[str]:
    """The events of each transaction, in order."""
    found = select(
        "SELECT string_agg(event, ' ' ORDER BY position) AS events FROM analytics_inbox WHERE project_id = %s"
        " GROUP BY xmin::text ORDER BY min(position)",
        team.id,
    )
    return [row["events"] for row in found]


async def put_like_four_clients(committer: Committer, team: Team) -> None:
    await asyncio.gather(*(committer.put(batch(team, f"first{n}")) for n in range(4)))


async def gathered(folder: Path, then: Callable[[Committer], Awaitable[None]]) -> None:
    committer = Committer(os.environ["DATABASE_URL"], Spool(folder, 1 << 20))
    running = asyncio.create_task(committer.run())
    async with asyncio.timeout(60):
        await then(committer)
        await committer.close()
    running.cancel()


def test_a_group_waits_for_half_of_the_clients_that_were_there_before(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other half is read while it is stored."""
    monkeypatch.setattr(commit, "GATHER_SECONDS", 3600)

    async def send(committer: Committer) -> None:
        await put_like_four_clients(committer, team)
        first = committer.put(batch(team, "a"))
        # Time enough for a group of its own to begin.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, committer.put(batch(team, "b")))

    asyncio.run(gathered(tmp_path, send))
    assert transactions(team) == ["first0 first1 first2 first3", "a b"]


def test_clients_that_are_gone_are_not_waited_for(team: Team, tmp_path: Path) -> None:
    async def send(committer: Committer) -> None:
        await put_like_four_clients(committer, team)
        for name in ("a", "b"):
            await committer.put(batch(team, name))

    asyncio.run(gathered(tmp_path, send))
    assert transactions(team)[1:] == ["a", "b"]


def test_a_single_client_never_waits_for_others(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "GATHER_SECONDS", 3600)

    async def send(committer: Committer) -> None:
        for name in ("a", "b", "c"):
            await committer.put(batch(team, name))

    asyncio.run(gathered(tmp_path, send))
    assert transactions(team) == ["a", "b", "c"]


def test_a_group_worth_a_commit_does_not_wait(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "GATHER_SECONDS", 3600)
    monkeypatch.setattr(commit, "GATHER_BYTES", batch(team, "large").size)

    async def send(committer: Committer) -> None:
        await put_like_four_clients(committer, team)
        await committer.put(batch(team, "large"))

    asyncio.run(gathered(tmp_path, send))
    assert transactions(team)[1:] == ["large"]


def test_an_internal_error_is_logged_and_the_next_group_is_stored(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise every later request would hang."""

    def fail(*_: object) -> str:
        raise RuntimeError("an internal error")

    with LocalIngest() as ingest, monkeypatch.context() as broken:
        call = {"userId": "ana", "event": "x"}
        broken.setattr(rows, "ledger_sql", fail)
        assert ingest.post("/v1/track", call, key=team.write_key).status_code == 503
        broken.undo()
        assert ingest.post("/v1/track", call, key=team.write_key).status_code == 200
    assert stored(team) == ["x"]
    assert "an internal error" in caplog.text


def test_a_script_is_one_transaction(team: Team) -> None:
    async def run() -> None:
        connection = await ScriptConnection.open(os.environ["DATABASE_URL"])
        fine = rows.encode([Event(project_id=str(team.id), id=EVENT_ID, event="x",
                                  timestamp=AT, received_at=AT, distinct_id="ana")])  # fmt: skip
        with pytest.raises(RowRejectedError):
            await connection.run(f"{rows.INBOX_COPY}; SELECT 1 / 0", [fine])
        assert not connection.closed
        await connection.run(f"{rows.INBOX_COPY}; SELECT 1", [fine])
        await connection.close()

    asyncio.run(run())
    assert stored(team) == ["x"]
