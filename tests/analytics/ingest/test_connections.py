"""Idle connections are closed when one address, or all together, have too many. Real sockets on loopback."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from analytics.ingest import connections
from analytics.ingest.connections import ConnectionGuard

ANA, BO, PROXY = "127.0.0.2", "127.0.0.3", "127.0.0.4"


@dataclass
class Server:
    """A server of this process. Each connection is its client's end; the server's ends stay open."""

    listener: socket.socket
    stack: ExitStack

    def connect(self, address: str, count: int = 1) -> list[socket.socket]:
        found = []
        for _ in range(count):
            target = self.listener.getsockname()
            client = socket.create_connection(target, timeout=60, source_address=(address, 0))
            found.append(self.stack.enter_context(client))
            self.stack.enter_context(self.listener.accept()[0])
        return found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0)
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield Server(listener, stack)


def guard(per_address: int, most: int, monkeypatch: pytest.MonkeyPatch) -> ConnectionGuard:
    monkeypatch.setattr(connections, "max_connections", lambda: most)
    return ConnectionGuard(per_address, lambda address: address == PROXY)


def closed(clients: list[socket.socket]) -> list[bool]:
    """Which connections the server has closed."""
    found = []
    for client in clients:
        client.setblocking(False)
        try:
            found.append(client.recv(1) == b"")
        except BlockingIOError:
            found.append(False)
    return found


def test_an_address_with_too_many_loses_the_idle_ones(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bo, proxy = server.connect(ANA, 5), server.connect(BO, 3), server.connect(PROXY, 5)
    assert guard(3, 1_000, monkeypatch).check() == 2
    assert sum(closed(ana)) == 2
    assert not any(closed(bo + proxy))


def test_when_there_are_too_many_the_longest_idle_are_closed_whoever_they_belong_to(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 connections of at most 20 are too many, 10 are enough. Bo's are the newest."""
    ana = server.connect(ANA, 8)
    while min(each.idle for each in connections._connections()) < 0.02:
        pass
    bo = server.connect(BO, 8)
    assert guard(0, 20, monkeypatch).check() == 6
    assert sum(closed(ana)) == 6
    assert not any(closed(bo))


def test_a_request_in_progress_and_a_connection_that_was_just_used_are_left_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    [working, *idle] = server.connect(ANA, 4)
    ours = guard(1, 1_000, monkeypatch)
    with ours.serving({"client": working.getsockname()}):
        assert ours.check() == 3
    assert closed([working, *idle]) == [False, True, True, True]
    monkeypatch.setattr(connections, "IDLE_SECONDS", 1)
    fresh = server.connect(BO, 4)
    assert ours.check() == 0
    assert not any(closed(fresh))
