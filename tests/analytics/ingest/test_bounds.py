"""What one request may cost: codings, events, values, listed rejections, and large bodies at the same time."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from analytics.ingest import keys, large_bodies
from analytics.ingest.accept import MAX_USER_AGENT
from analytics.ingest.app import Ingest
from analytics.ingest.http import LARGE
from analytics.ingest.rates import Rates
from analytics.ingest.routes import MAX_LISTED
from analytics.ingest.wire import posthog, segment, urls
from analytics.ingest.wire.encoding import MAX_GZIP_MEMBERS
from analytics.ingest.wire.envelope import MAX_VALUES
from config.peers import Proxies
from tests.analytics.ingest.conftest import Harness
from tests.people import Team

CALL = {"type": "track", "userId": "ana", "event": "x"}
CAPTURE = {"event": "x", "distinct_id": "ana"}
EMPTY_MEMBER = gzip.compress(b"")
RAW_EMPTY = b"\x03\x00"


def encoded(harness: Harness, body: bytes, coding: str, path: str = "/v1/batch") -> tuple[int, str]:
    headers = {"content-encoding": coding}
    answer = harness.ingest.post(path, body, key=harness.team.write_key, headers=headers)
    return answer.status_code, answer.text


@pytest.mark.parametrize("path", ["/v1/batch", "/batch/"])
def test_deflate_is_one_stream(harness: Harness, path: str) -> None:
    """600,000 empty streams in a row took ten seconds."""
    body = json.dumps({"api_key": harness.team.write_key, "batch": [{**CALL, **CAPTURE}]}).encode()
    assert encoded(harness, zlib.compress(body), "deflate", path)[0] == 200
    for empty in (RAW_EMPTY, zlib.compress(b"")):
        status, text = encoded(harness, empty * 50_000, "deflate", path)
        assert (status, "more data follows its end" in text) == (400, True)


def test_gzip_has_few_members(harness: Harness) -> None:
    """Two megabytes of empty members took three seconds."""
    body = gzip.compress(json.dumps({"batch": [CALL]}).encode())
    assert encoded(harness, EMPTY_MEMBER * (MAX_GZIP_MEMBERS - 1) + body, "gzip")[0] == 200
    status, text = encoded(harness, EMPTY_MEMBER * MAX_GZIP_MEMBERS + body, "gzip")
    assert (status, f"more than {MAX_GZIP_MEMBERS} members" in text) == (400, True)


@pytest.mark.parametrize("coding", ["gzip, gzip", ", ".join(["gzip"] * 201), "identity, gzip", "gzip,"])
def test_there_is_one_content_coding(harness: Harness, coding: str) -> None:
    status, text = encoded(harness, gzip.compress(json.dumps(CALL).encode()), coding, "/v1/track")
    assert (status, "send gzip once" in text) == (415, True)
    assert len(text) < 300


def test_a_body_that_inflates_to_more_than_the_event_loop_handles_is_stored(harness: Harness) -> None:
    note = "a" * 200_000
    events = [{**CAPTURE, "properties": {"note": note}} for _ in range(3)]
    body = gzip.compress(json.dumps({"api_key": harness.team.write_key, "batch": events}).encode())
    assert len(body) < LARGE < 3 * len(note)
    assert encoded(harness, body, "gzip", "/batch/")[0] == 200
    assert len(harness.inbox()) == 3


def test_a_batch_may_have_so_many_events(harness: Harness) -> None:
    for path, most in (("/v1/batch", segment.MAX_EVENTS), ("/batch/", posthog.MAX_EVENTS)):
        body = b'{"api_key":"%b","batch":[%b%%b]}' % (
            harness.team.write_key.encode(),
            b",".join([b"{}"] * most),
        )
        allowed = harness.ingest.post(path, body % b"", key=harness.team.write_key)
        # None of them is an event, which PostHog's clients are told by a 400.
        assert allowed.status_code == (200 if path == "/v1/batch" else 400)
        refused = harness.ingest.post(path, body % b",{}", key=harness.team.write_key)
        assert (refused.status_code, f"more than {most:,}" in refused.text) == (413, True)


def test_a_migration_of_thousands_of_events_is_stored(harness: Harness) -> None:
    events = [{**CAPTURE, "properties": {"$lib": "posthog-python", "n": number}} for number in range(3_000)]
    assert harness.capture(*events, historical_migration=True).json() == {"status": 1}
    assert len(harness.inbox()) == 3_000


def test_a_body_may_have_so_many_values(harness: Harness) -> None:
    """17.5 KB of gzip became six million empty events and three gigabytes."""
    crowd = gzip.compress(b'{"batch":[%b]}' % b",".join([b"{}"] * 6_000_000), 9)
    assert len(crowd) < 25_000
    status, text = encoded(harness, crowd, "gzip", "/batch/")
    assert (status, f"{MAX_VALUES:,} JSON values" in text) == (413, True)


def test_a_response_lists_so_many_rejected_events(harness: Harness) -> None:
    """537 bytes got an answer of 15.8 MB."""
    answer = harness.batch(*[{"type": "track", "event": "x", "messageId": "m" * 2_000}] * 240, CALL)
    said = answer.json()
    assert [each["index"] for each in said["rejected"]] == list(range(MAX_LISTED))
    assert said["rejected_count"] == 240
    assert said["rejected"][0]["messageId"] == "m" * 200
    assert harness.ledger() == {"received": 241, "refused no_id": 240}


def test_a_response_lists_so_many_warnings(harness: Harness) -> None:
    said = harness.batch(*[{**CALL, "timestamp": "1970-01-01T00:00:00Z"}] * (MAX_LISTED + 1)).json()
    assert (len(said["warnings"]), said["warnings_count"]) == (MAX_LISTED, MAX_LISTED + 1)


def test_a_key_of_nobody_is_refused_before_the_body_is_decoded(harness: Harness) -> None:
    bomb = gzip.compress(b" " * 20_000_001)
    for path in ("/v1/batch", "/batch/"):
        answer = harness.ingest.post(path, bomb, key="nobody", headers={"content-encoding": "gzip"})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[%b],"api_key":"nobody"}',
        b'{"batch":[%b],"token":"nobody"}',
        b'[{"api_key":"nobody"},%b]',
        b'[{"properties":{"token":"nobody"}},%b]',
    ],
)
def test_a_key_of_nobody_in_a_large_body_is_refused_before_its_events_are_decoded(
    harness: Harness, body: bytes
) -> None:
    # Decoding them would find too many, which is a 413.
    many = b",".join([b'{"event":"x", "distinct_id":"ana"}'] * (posthog.MAX_EVENTS + 1))
    assert len(many) > LARGE
    assert harness.ingest.post("/batch/", body % many).status_code == 401
    ours = body.replace(b"nobody", harness.team.write_key.encode())
    assert harness.ingest.post("/batch/", ours % many).status_code == 413


def test_the_write_key_in_a_large_segment_batch_is_checked_first(harness: Harness) -> None:
    many = ",".join([json.dumps({**CALL, "event": "uploaded"})] * (segment.MAX_EVENTS + 1))
    assert LARGE < len(many) < segment.MAX_BODY
    for key, status in (("nobody", 401), (harness.team.write_key, 413)):
        body = f'{{"batch":[{many}],"writeKey":"{key}"}}'
        assert harness.ingest.post("/v1/batch", body).status_code == status


def test_caches_keep_no_long_texts(harness: Harness) -> None:
    digests, parsed = keys._digest.cache_info().currsize, urls._cached.cache_info().currsize
    assert harness.ingest.post("/v1/track", {**CALL, "writeKey": "k" * 20_000}).status_code == 401
    page = {"url": "https://shop.example/" + "p" * 20_000, "referrer": "https://a.example/" + "r" * 2_000}
    call = {**CALL, "context": {"page": page, "userAgent": "u" * 9_000, "ip": "1" * 900}}
    assert harness.ingest.post("/v1/track", call, key=harness.team.write_key).status_code == 200
    stored = harness.only()
    assert (stored["path"], stored["referring_domain"]) == (page["url"][20:], "a.example")
    assert len(stored["user_agent"]) == MAX_USER_AGENT
    assert len(stored["ip"]) < 50
    assert keys._digest.cache_info().currsize <= digests + 1
    assert urls._cached.cache_info().currsize == parsed
    assert len(Proxies(("10.0.0.1",)).client("10.0.0.1", "9" * 500)) < 50


class Upload:
    """A request to `app` whose body is sent by the test, piece by piece."""

    def __init__(self, app: Ingest, address: str) -> None:
        self._pieces: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.said: list[MutableMapping[str, Any]] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/batch/",
            "headers": [],
            "client": (address, 1),
        }
        self.task = asyncio.ensure_future(app(scope, self._pieces.get, self._send))

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.said.append(message)

    async def piece(self, body: bytes, *, last: bool = False) -> None:
        self._pieces.put_nowait({"type": "http.request", "body": body, "more_body": not last})
        while not self._pieces.empty() and not self.task.done():
            await asyncio.sleep(0)

    async def status(self) -> int:
        await self.task
        return int(self.said[0]["status"])

    @property
    def retry_after(self) -> bytes | None:
        return dict(self.said[0]["headers"]).get(b"retry-after")


@contextmanager
def bounded(monkeypatch: pytest.MonkeyPatch, *, share: int, most: int) -> Iterator[None]:
    monkeypatch.setattr(large_bodies, "MAX_SHARE", share)
    monkeypatch.setattr(large_bodies, "MAX_BYTES", most)
    yield


def test_large_bodies_at_the_same_time_are_bounded_by_address_and_in_all(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ana's address may send one large body at a time here, all addresses together two. Small ones are not counted."""
    whole = msgspec.json.encode({"api_key": team.write_key, "batch": [CAPTURE], "pad": "x" * LARGE})
    small = msgspec.json.encode({"api_key": team.write_key, "batch": [CAPTURE]})

    async def story() -> None:
        app = Ingest(rates=Rates())
        await app.start()
        try:
            ana = Upload(app, "203.0.113.7")
            await ana.piece(whole[: LARGE + 1])
            again = Upload(app, "203.0.113.7")
            await again.piece(whole, last=True)
            assert (await again.status(), again.retry_after) == (503, b"5")
            bo, cy = Upload(app, "203.0.113.8"), Upload(app, "203.0.113.9")
            await bo.piece(whole[: LARGE + 1])
            await cy.piece(whole[: LARGE + 1])
            await cy.piece(whole[LARGE + 1 :], last=True)
            assert await cy.status() == 503
            dan = Upload(app, "203.0.113.7")
            await dan.piece(small, last=True)
            assert await dan.status() == 200
            await ana.piece(whole[LARGE + 1 :], last=True)
            assert await ana.status() == 200
            again = Upload(app, "203.0.113.7")
            await again.piece(whole, last=True)
            assert await again.status() == 200
            await bo.piece(whole[LARGE + 1 :], last=True)
            assert await bo.status() == 200
            assert not app._intake._large._bytes
        finally:
            await app.stop()

    with bounded(monkeypatch, share=len(whole), most=2 * len(whole)):
        asyncio.run(story())


def test_a_client_that_disconnects_gives_its_share_back(team: Team) -> None:
    async def story() -> None:
        app = Ingest(rates=Rates())
        await app.start()
        try:
            upload = Upload(app, "203.0.113.7")
            await upload.piece(b"x" * (LARGE + 1))
            assert app._intake._large._bytes["203.0.113.7"] == LARGE + 1
            upload._pieces.put_nowait({"type": "http.disconnect"})
            assert await upload.status() == 400
            assert not app._intake._large._bytes
        finally:
            await app.stop()

    asyncio.run(story())


def test_one_body_of_the_largest_size_fits_into_a_share() -> None:
    assert posthog.MAX_BODY < large_bodies.MAX_SHARE < large_bodies.MAX_BYTES
