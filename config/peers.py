"""The client's address: the peer's, or the one that a trusted proxy forwards."""

import ipaddress
from functools import lru_cache

from config import env

MAX_ADDRESS = 45
"""Characters of an address; a proxy may forward any text."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """FIRSTHAND_TRUSTED_PROXIES: addresses and networks (10.0.0.0/8) whose X-Forwarded-For is trusted.

    Raises ConfigurationError for a word that is neither.
    """

    def __init__(self, words: tuple[str, ...]) -> None:
        self._networks = tuple(map(_network, words))
        self.trusts = lru_cache(maxsize=1024)(self._trusts)

    def client(self, peer: str, forwarded: str) -> str:
        if not forwarded or not self._networks:
            return peer
        hops = [*(hop.strip()[:MAX_ADDRESS] for hop in forwarded.split(",")), peer]
        # From the right: everything left of the first untrusted hop may be forged by the client.
        return next((hop for hop in reversed(hops) if not self.trusts(hop)), hops[0])

    def _trusts(self, address: str) -> bool:
        try:
            parsed = _address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What rate limits count together: an IPv4 address, or the 64 bits of IPv6 that one customer of a network gets."""
    if ":" not in address:
        return address
    try:
        parsed = _address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Raises ValueError."""
    parsed = ipaddress.ip_address(text)
    # A server that listens on :: sees all IPv4 clients as ::ffff:192.0.2.1, which would be one network of IPv6.
    return (parsed.version == 6 and parsed.ipv4_mapped) or parsed


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word, strict=False)
    except ValueError:
        raise env.ConfigurationError(
            f"FIRSTHAND_TRUSTED_PROXIES has {word!r}, which is not an address; write for example 10.0.0.0/8"
        ) from None
