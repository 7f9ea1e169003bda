"""The client's address behind trusted and untrusted proxies."""

import pytest

from analytics.ingest.local import LocalIngest
from config.env import ConfigurationError
from config.peers import Proxies, network_of
from tests.analytics.ingest.conftest import Harness
from tests.people import Team

CALL = {"userId": "ana", "event": "x"}


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ((), "198.51.100.1", "203.0.113.9", "198.51.100.1"),
        (("10.0.0.0/8",), "198.51.100.1", "203.0.113.9", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "203.0.113.9", "203.0.113.9"),
        (("10.0.0.0/8",), "10.0.0.2", "1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (("10.0.0.0/8",), "10.0.0.2", "10.0.0.9", "10.0.0.9"),
        (("::1",), "::1", "2001:db8::5", "2001:db8::5"),
        (("10.0.0.0/8",), "10.0.0.2", "", "10.0.0.2"),
        (("10.0.0.0/8",), "::ffff:10.0.0.2", "203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    trusted: tuple[str, ...], peer: str, forwarded: str, client: str
) -> None:
    assert Proxies(trusted).client(peer, forwarded) == client


def test_an_invalid_address_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"FIRSTHAND_TRUSTED_PROXIES has 'proxy'"):
        Proxies(("proxy",))


def test_a_forwarded_address_is_ignored_without_a_proxy(harness: Harness) -> None:
    headers = {"x-forwarded-for": "203.0.113.9"}
    harness.ingest.post("/v1/track", CALL, key=harness.team.write_key, headers=headers)
    assert harness.only()["ip"] == "127.0.0.1"


def test_a_forwarded_address_is_used_behind_a_proxy(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_TRUSTED_PROXIES", "127.0.0.0/8")
    with LocalIngest() as ingest:
        harness = Harness(ingest, team)
        ingest.post("/v1/track", CALL, key=team.write_key, headers={"x-forwarded-for": "203.0.113.9"})
        assert harness.only()["ip"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense: at all", "nonsense: at all"),
        ("", ""),
    ],
)
def test_limits_count_an_ipv6_network_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
