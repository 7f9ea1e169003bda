"""An S3 server (moto) in a process of its own, and the environment variables for it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.ports import free_port

TIMEOUT = 30


@contextmanager
def serving(bucket: str) -> Iterator[dict[str, str]]:
    """Starts the server with one empty bucket. Yields the environment variables to use it."""
    port = free_port()
    # In this process it would starve: parts of deltalake hold the interpreter's lock while they wait for an answer.
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _make(f"{address}/{bucket}")
        yield {
            "AWS_ENDPOINT_URL": address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "ana",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.kill()
        server.wait()


def _make(bucket: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            httpx.put(bucket).raise_for_status()
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "moto does not start"
            time.sleep(0.05)
        else:
            return
