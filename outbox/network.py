"""Connections to URLs that users enter. They cannot reach our own network or outlast a deadline."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PrivateAddressError(Exception):
    """The host is, or resolves to, an address that is not on the public internet."""


def is_public(address: Address) -> bool:
    """False for private, loopback, link-local, metadata, multicast and reserved addresses, also inside IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        # The system or a gateway connects to the IPv4 address inside, whatever the outer one is.
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return is_public(inner)
        # fec0::/10 is deprecated, but is_global is True for it.
        if address.is_site_local:
            return False
    # is_global is also True for multicast addresses.
    return address.is_global and not (address.is_multicast or address.is_reserved)


def resolve(host: str, port: int, *, private: bool) -> list[str]:
    """The addresses of a host, in the order to try them. Raises OSError when there are none, PrivateAddressError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private:
        # Every address must be public, because connect_tcp tries one after another.
        for address in addresses:
            if not is_public(ipaddress.ip_address(address.partition("%")[0])):
                raise PrivateAddressError(f"{host} resolves to {address}, which is not a public address")
    return addresses


class Deadline:
    """A limit for the whole attempt: a receiver that sends one byte a second would pass a limit per read."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, more than 0. Raises httpcore.ReadTimeout once it has passed."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline passed")
        return left


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a host once, checks its addresses and connects to one of them.

    If the name were resolved again after the check, it could point into our network by then (DNS rebinding). The Host
    header and the certificate check still use the name.
    """

    def __init__(self, deadline: Deadline, *, private: bool) -> None:
        self.deadline = deadline
        self.private = private
        self.plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            # The resolver takes no timeout. Its time counts: the deadline is checked when connecting.
            addresses = resolve(host, port, private=self.private)
        # UnicodeError: the IDNA codec's, for a label that is empty or longer than 63 characters.
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        for address in addresses[:-1]:
            try:
                return self._connect(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port)

    def _connect(self, address: str, port: int) -> httpcore.NetworkStream:
        return GuardedStream(self.plain.connect_tcp(address, port, self.deadline.left()), self.deadline)


class GuardedStream(httpcore.NetworkStream):
    """A connection whose every step takes what is left until the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.deadline.left())

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self.stream.start_tls(ssl_context, server_hostname, self.deadline.left())
        return GuardedStream(secured, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
