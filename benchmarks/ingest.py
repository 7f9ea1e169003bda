"""What does durability cost? Requests a second that are on disk when they are answered, beside empty answers.

    DATABASE_URL=postgresql://... python -m benchmarks.ingest [ROUNDS] [SECONDS]

Two Granian servers with the same options, one of them answering nothing, are loaded in turns by wrk (apt install wrk),
so that a noisy machine disturbs both alike: the ratio is the median of the rounds' own ratios. What a request costs
the web process in processor time is told beside it, since neighbours disturb that least.
Results: benchmarks/results/ingest.json.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks import rig

ROOT = Path(__file__).resolve().parent.parent
CALL = {
    "type": "track",
    "userId": "user-1234",
    "event": "Order Completed",
    "timestamp": "2026-01-02T03:04:05.678Z",
    "context": {"library": {"name": "analytics-python", "version": "2.3.4"}},
    "properties": {"revenue": 39.95, "plan": "pro", "items": 3, "currency": "EUR", "coupon": None},
}
BATCH = 100
CONNECTIONS = {"empty": 128, "single": 128, "batch": 16}


@dataclass(frozen=True, slots=True)
class Server:
    """A Granian of its own, under load."""

    url: str
    process: psutil.Process

    def spent(self) -> float:
        """Seconds of processor time so far, of the server and its worker."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in family)


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of wrk saw: requests a second, and what one costs the server in microseconds of a processor."""

    rate: float
    cost: float


@contextmanager
def server(application: str) -> Iterator[Server]:
    """It listens when it is yielded."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--loop", "uvloop", "--no-ws", "--port", str(port),
        application,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield Server(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


def script(folder: Path, name: str, key: str, body: dict[str, Any]) -> Path:
    """What wrk sends, in its own language."""
    file = folder / f"{name}.lua"
    content = json.dumps({**body, "writeKey": key})
    file.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = [==[{content}]==]\n",
        encoding="utf-8",
    )
    return file


def load(target: Server, path: str, sends: Path, connections: int, seconds: int) -> Load:
    """Anything but a 2xx ends the benchmark."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", str(sends), target.url + path]
    before = target.spent()
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = target.spent() - before
    if "Non-2xx" in said:
        raise SystemExit(f"not everything was accepted:\n{said}")
    found = re.search(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", said, re.DOTALL)
    assert found is not None, said
    return Load(rate=float(found[2]), cost=spent / int(found[1]) * 1e6)


def empty_inbox() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE analytics_inbox")


def measure(home: Path, key: str, rounds: int, seconds: int) -> dict[str, list[Load]]:
    single = script(home, "single", key, {**CALL, "messageId": str(uuid.uuid4())})
    calls = [{**CALL, "userId": f"user-{n}", "messageId": str(uuid.uuid4())} for n in range(BATCH)]
    batch = script(home, "batch", key, {"batch": calls})
    found: dict[str, list[Load]] = {"empty": [], "single": [], "batch": []}
    with server("benchmarks.empty:app") as empty, server("analytics.ingest.app:app") as ingest:
        targets = {
            "empty": (empty, "/v1/track", single),
            "single": (ingest, "/v1/track", single),
            "batch": (ingest, "/v1/batch", batch),
        }
        for _ in range(rounds):
            for name, (target, path, sends) in targets.items():
                found[name].append(load(target, path, sends, CONNECTIONS[name], seconds))
                empty_inbox()
    return found


def main() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; install it (apt install wrk)")
    rounds, seconds = (int(word) for word in (*sys.argv[1:], "5", "3")[:2])
    with rig.installation("ingest") as home:
        from projects.creation import create_project

        found = measure(home, create_project("Benchmark").write_key, rounds, seconds)
    rates = {name: [each.rate for each in loads] for name, loads in found.items()}
    empty, single, batch = (statistics.median(rates[name]) for name in ("empty", "single", "batch"))
    ratio = statistics.median(one / other for one, other in zip(rates["single"], rates["empty"], strict=True))
    rig.save(
        "ingest",
        {
            "empty_answers_per_second": round(empty),
            "durable_requests_per_second": round(single),
            "durable_to_empty": round(ratio, 3),
            "durable_events_per_second_in_batches_of_100": round(batch * BATCH),
            "processor_microseconds_per_request": {
                name: round(statistics.median(each.cost for each in loads), 1)
                for name, loads in found.items()
            },
            "rounds": {name: [round(each) for each in column] for name, column in rates.items()},
            "seconds": seconds,
        },
    )


if __name__ == "__main__":
    main()
