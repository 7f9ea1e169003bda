"""Rate limits per address and project."""

from collections.abc import Iterator

import pytest

from analytics.ingest import rates
from analytics.ingest.local import LocalIngest
from analytics.ingest.rates import RateLimit, Rates
from tests.analytics.ingest.conftest import Harness
from tests.people import Team, assemble

CALL = {"type": "track", "userId": "ana", "event": "x"}
ANA, BO = "203.0.113.7", "203.0.113.8"


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rates, "time", clock)
    return clock


@pytest.fixture
def limited(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """Ingest with a limit of two events a second per address, behind a trusted proxy."""
    monkeypatch.setenv("FIRSTHAND_TRUSTED_PROXIES", "127.0.0.1")
    with LocalIngest(rates=Rates(events_per_second=2)) as ingest:
        yield Harness(ingest, team)


def send(harness: Harness, address: str, events: int, team: Team | None = None) -> int:
    key = (team or harness.team).write_key
    body = {"batch": [CALL] * events}
    answer = harness.ingest.post("/v1/batch", body, key=key, headers={"x-forwarded-for": address})
    return answer.status_code


def test_a_burst_of_one_minute_is_allowed_then_the_rate_applies(clock: Clock) -> None:
    limit = RateLimit(per_second=2)
    assert [limit.take(1, ANA, 1) for _ in range(120)] == [0] * 120
    assert limit.take(1, ANA, 1) == 1
    clock.now += 1
    assert [limit.take(1, ANA, 1) for _ in range(3)] == [0, 0, 1]


def test_a_batch_larger_than_the_bucket_can_still_be_sent(clock: Clock) -> None:
    limit = RateLimit(per_second=2)
    assert limit.take(1, ANA, 400) == 0
    wait = limit.take(1, ANA, 1)
    assert wait == 141
    clock.now += wait
    assert limit.take(1, ANA, 1) == 0


def test_memory_is_bounded_and_a_busy_address_is_not_forgotten(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MAX_BUCKETS", 100)
    limit = RateLimit(per_second=1)
    for number in range(1_000):
        limit.take(1, f"2001:db8:{number:x}::1", 1)
        limit.take(1, ANA, 1)
    assert limit.take(1, ANA, 1) > 0
    assert len(limit._full_at) + len(limit._previous) <= 200


def test_too_many_events_are_rejected_counted_and_get_retry_after(limited: Harness) -> None:
    assert send(limited, ANA, 200) == 200
    body = {"batch": [CALL] * 3}
    answer = limited.ingest.post(
        "/v1/batch",
        body,
        key=limited.team.write_key,
        headers={"x-forwarded-for": ANA, "origin": "https://shop.example"},
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 30 < int(answer.headers["retry-after"]) <= 41
    assert answer.headers["access-control-expose-headers"] == "retry-after"
    assert limited.ledger() == {"received": 203, "refused rate_limited": 3}
    assert len(limited.inbox()) == 200


def test_other_addresses_and_other_projects_are_not_held_up(limited: Harness) -> None:
    neighbours = assemble()
    assert [send(limited, ANA, 200), send(limited, ANA, 1)] == [200, 429]
    assert send(limited, BO, 1) == 200
    assert send(limited, ANA, 1, neighbours) == 200


def test_an_ipv6_network_counts_as_one_address(clock: Clock) -> None:
    limit = RateLimit(per_second=1)
    assert [limit.take(1, f"2001:db8:1:2::{number:x}", 1) for number in range(61)] == [0] * 60 + [1]
    assert limit.take(1, "2001:db8:1:3::1", 1) == 0


def test_an_address_that_guesses_keys_has_to_wait(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_TRUSTED_PROXIES", "127.0.0.1")
    with LocalIngest(rates=Rates(unknown_keys_per_minute=3)) as ingest:

        def guess(address: str, key: str = "nobody") -> int:
            headers = {"x-forwarded-for": address}
            return ingest.post("/v1/track", CALL, key=key, headers=headers).status_code

        assert [guess(ANA) for _ in range(4)] == [401, 401, 401, 429]
        assert [guess(BO), guess(ANA, team.write_key)] == [401, 200]


def test_posthog_clients_get_a_rate_limit_error_in_their_format(limited: Harness) -> None:
    events = [{"event": "x", "distinct_id": "ana"}] * 200
    assert limited.capture(*events).status_code == 200
    answer = limited.capture(*events)
    assert (answer.status_code, answer.text[:12]) == (429, "rate_limited")
    assert "retry-after" in answer.headers


def test_the_limits_by_default() -> None:
    assert Rates.from_environment() == Rates(
        events_per_second=20_000, comments_per_minute=60, reads_per_minute=600, unknown_keys_per_minute=600
    )


def test_rates_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_INGEST_RATE", "50")
    monkeypatch.setenv("FIRSTHAND_COMMENT_RATE", "0")
    monkeypatch.setenv("FIRSTHAND_THREAD_RATE", "9")
    monkeypatch.setenv("FIRSTHAND_UNKNOWN_KEY_RATE", "7")
    assert Rates.from_environment() == Rates(
        events_per_second=50, reads_per_minute=9, unknown_keys_per_minute=7
    )
