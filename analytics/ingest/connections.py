"""Closes idle connections when one address, or all addresses together, have too many of them.

Granian bounds the connections of a process. Without this, silent ones would take all the room: everybody else would
wait until they time out. Only Linux says how long a connection has been idle; elsewhere a proxy has to do this.
"""

import logging
import os
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from analytics.ingest.http import Scope
from config.limits import max_connections
from config.peers import network_of

log = logging.getLogger(__name__)

CROWDED, RELIEVED = 0.75, 0.5
"""At this share of the connections that Granian accepts, the longest idle ones are closed, down to the other share."""

IDLE_SECONDS = 1.0
CHECK_SECONDS = 1.0

# tcpi_last_data_sent and tcpi_last_data_recv of struct tcp_info, in milliseconds.
LAST_SENT, LAST_RECEIVED, TCP_INFO_BYTES = 44, 52, 64

Peer = tuple[str | int, ...]
"""Address and port."""


class Connection(NamedTuple):
    """An accepted connection of this process; `idle` is in seconds."""

    idle: float
    file: int
    peer: Peer

    @property
    def address(self) -> str:
        return str(self.peer[0])

    @property
    def network(self) -> str:
        return network_of(self.address)


class ConnectionGuard:
    """Looks at the connections of this process once a second, in a thread.

    per_address  connections of one address; 0 is no limit
    exempt       addresses without a limit of their own: proxies
    """

    def __init__(self, per_address: int, exempt: Callable[[str], bool]) -> None:
        self._per_address = per_address
        self._exempt = exempt
        self._most = max_connections()
        self._stopped = threading.Event()
        self._busy: set[Peer] = set()

    def start(self) -> None:
        if sys.platform == "linux":
            threading.Thread(target=self._watch, name="connections", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    @contextmanager
    def serving(self, scope: Scope) -> Iterator[None]:
        """While a request is in progress, its connection is not idle, even if nothing is sent."""
        peer: Peer = tuple(scope.get("client") or ())[:2]
        self._busy.add(peer)
        try:
            yield
        finally:
            self._busy.discard(peer)

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_SECONDS):
            try:
                self.check()
            except Exception:
                log.exception("connections: the check failed; trying again")

    def check(self) -> int:
        """Close what is too much, and return how many were closed."""
        # Counting files is cheap, so that a quiet process spends nothing on looking at each.
        if len(_open_files()) <= min(self._per_address or self._most, CROWDED * self._most):
            return 0
        found = sorted(_connections(), reverse=True)
        return sum(map(_close, self._excess(found)))

    def _excess(self, found: list[Connection]) -> list[Connection]:
        """The connections to close. `found` is in the order of idleness, the longest idle first."""
        surplus = len(found) - int(RELIEVED * self._most) if len(found) > CROWDED * self._most else 0
        counts = Counter(each.network for each in found)
        excess: list[Connection] = []
        for each in found:
            over = (
                self._per_address
                and counts[each.network] > self._per_address
                and not self._exempt(each.address)
            )
            if (over or len(excess) < surplus) and each.idle >= IDLE_SECONDS and each.peer not in self._busy:
                counts[each.network] -= 1
                excess.append(each)
        return excess


def _connections() -> Iterator[Connection]:
    """All connections to the ports that this process listens on, not those that it has opened itself."""
    accepted: list[tuple[int, Connection]] = []
    listening: set[int] = set()
    for file in _open_files():
        with suppress(OSError), _duplicate(file) as each:
            if each.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            port = each.getsockname()[1]
            if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                listening.add(port)
            else:
                accepted.append((port, Connection(_idle(each), file, each.getpeername()[:2])))
    return (each for port, each in accepted if port in listening)


def _open_files() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 (a Path of each would be slow)


def _duplicate(file: int) -> socket.socket:
    # Of a duplicate: the server may close the file meanwhile, and its number may be another connection's.
    duplicate = os.dup(file)
    try:
        return socket.socket(fileno=duplicate)
    except OSError:
        # Not a socket.
        os.close(duplicate)
        raise


def _idle(connection: socket.socket) -> float:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    (sent,), (received,) = (struct.unpack_from("=I", info, at) for at in (LAST_SENT, LAST_RECEIVED))
    return float(min(sent, received)) / 1000


def _close(idle: Connection) -> bool:
    with suppress(OSError), _duplicate(idle.file) as each:
        if each.getpeername()[:2] == idle.peer:
            # The server sees the end of its input, and closes the file itself.
            each.shutdown(socket.SHUT_RDWR)
            return True
    return False
