"""What does durability cost? Requests a second that are on disk when they are answered, beside empty answers.

    DATABASE_URL=postgresql://... python -m benchmarks.ingest [ROUNDS] [SECONDS]

Two Granian servers with the same options, one of them answering nothing, are loaded in turns by wrk (apt install wrk),
so that a noisy machine disturbs both alike; ratios are of the medians. Results: benchmarks/results/ingest.json.
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
from pathlib import Path
from typing import Any

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


@contextmanager
def server(application: str) -> Iterator[str]:
    """A Granian of its own; its address."""
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
        yield f"http://127.0.0.1:{port}"
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


def load(url: str, sends: Path, connections: int, seconds: int) -> float:
    """Requests a second. Anything but a 2xx ends the benchmark."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", str(sends), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(f"not everything was accepted:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None, said
    return float(found[1])


def empty_inbox() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE analytics_inbox")


def measure(home: Path, key: str, rounds: int, seconds: int) -> dict[str, list[float]]:
    single = script(home, "single", key, {**CALL, "messageId": str(uuid.uuid4())})
    calls = [{**CALL, "userId": f"user-{n}", "messageId": str(uuid.uuid4())} for n in range(BATCH)]
    batch = script(home, "batch", key, {"batch": calls})
    found: dict[str, list[float]] = {"empty": [], "single": [], "batch": []}
    with server("benchmarks.empty:app") as empty, server("analytics.ingest.app:app") as ingest:
        targets = {
            "empty": (f"{empty}/v1/track", single),
            "single": (f"{ingest}/v1/track", single),
            "batch": (f"{ingest}/v1/batch", batch),
        }
        for _ in range(rounds):
            for name, (url, sends) in targets.items():
                found[name].append(load(url, sends, CONNECTIONS[name], seconds))
                empty_inbox()
    return found


def main() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; install it (apt install wrk)")
    rounds, seconds = (int(word) for word in (*sys.argv[1:], "5", "3")[:2])
    with rig.installation("ingest") as home:
        from projects.creation import create_project

        found = measure(home, create_project("Benchmark").write_key, rounds, seconds)
    empty, single, batch = (statistics.median(found[name]) for name in ("empty", "single", "batch"))
    rig.save(
        "ingest",
        {
            "empty_answers_per_second": round(empty),
            "durable_requests_per_second": round(single),
            "durable_to_empty": round(single / empty, 3),
            "durable_events_per_second_in_batches_of_100": round(batch * BATCH),
            "rounds": {name: [round(each) for each in rates] for name, rates in found.items()},
            "seconds": seconds,
        },
    )


if __name__ == "__main__":
    main()
