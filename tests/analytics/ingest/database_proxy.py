"""A TCP proxy between ingest and PostgreSQL that a test can cut."""

import socket
import threading
from contextlib import suppress
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class DatabaseProxy:
    """A local port that forwards to PostgreSQL.

    `cut` closes all connections and refuses new ones until `restore`. `stall` keeps them open and forwards nothing
    until `resume`, like a network that drops packets.
    """

    def __init__(self, database_url: str) -> None:
        self._parts = conninfo_to_dict(database_url)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._connected = threading.Event()
        self._connected.set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        parts = {
            **self._parts,
            "host": "127.0.0.1",
            "port": self._server.getsockname()[1],
            "sslmode": "disable",
        }
        return make_conninfo(**{name: value for name, value in parts.items() if value is not None})

    def __enter__(self) -> Self:
        self._run(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self._flowing.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._close_all()
        for thread in self._threads:
            thread.join(5)

    def cut(self) -> None:
        self._connected.clear()
        self._close_all()

    def restore(self) -> None:
        self._connected.set()

    def stall(self) -> None:
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def _close_all(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if not self._connected.is_set():
                    client.close()
                    continue
                server = self._connect()
                self._open += [client, server]
                self._run(self._pump, client, server)
                self._run(self._pump, server, client)

    def _connect(self) -> socket.socket:
        host, port = str(self._parts.get("host") or "127.0.0.1"), int(self._parts.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        local.connect(f"{host}/.s.PGSQL.{port}")
        return local

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _run(self, target: object, *values: object) -> None:
        thread = threading.Thread(target=target, args=values, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)
