"""How much does ingest take while everything runs, as users run it?

    python -m benchmarks.together [SECONDS]          needs wrk (apt install wrk)

Starts a whole installation and sends single events, then batches of 100, each with an id of its own, by 10,000 people,
while the worker enriches, loads and rolls up what arrives on the same cores. Meanwhile every half second a probe is
sent, and the time from its answer until it is on the timeline is taken. In the end, the time until the last event is on
the timeline gives the events per second from request to timeline. Where the processor time went is told by part.
"""

import base64
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass

import httpx
import psycopg

from benchmarks import rig, visitor
from tests.config.installation import PARTS, Installation

SINGLE, BATCH = 1, 100
CONNECTIONS = {SINGLE: 32, BATCH: 16}
PATIENCE = 600.0
KEY = re.compile(r"fhw_[\w-]+")

# Bodies are made ahead of the time, and only their ids differ: wrk must not be what takes the processor.
SCRIPT = """
local run, thread, sent = "%(run)s", 0, 0
local numbers = 0
function setup(t) t:set("number", numbers) numbers = numbers + 1 end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Basic %(basic)s"
local function event()
  sent = sent + 1
  return string.format(
    '{"type":"track","messageId":"%%s-%%d-%%d","userId":"user-%%d","event":"Order Completed",' ..
    '"context":{"library":{"name":"analytics-python","version":"2.3.4"}},' ..
    '"properties":{"revenue":39.95,"plan":"pro","items":3,"currency":"EUR"}}',
    run, number, sent, (sent * 7919) %% 10000)
end
function request()
  if %(size)d == 1 then return wrk.format(nil, "/v1/track", nil, event()) end
  local events = {}
  for i = 1, %(size)d do events[i] = event() end
  return wrk.format(nil, "/v1/batch", nil, '{"batch":[' .. table.concat(events, ",") .. "]}")
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: requests, requests a second, and latencies in milliseconds."""

    requests: int
    rate: float
    p50: float
    p99: float


def load(installation: Installation, key: str, size: int, seconds: int) -> Load:
    """Anything but a 2xx ends the benchmark."""
    basic = base64.b64encode(f"{key}:".encode()).decode()
    script = installation.root.parent / f"{size}.lua"
    script.write_text(SCRIPT % {"run": uuid.uuid4(), "basic": basic, "size": size}, encoding="utf-8")
    url = f"http://127.0.0.1:{installation.port}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS[size]}", f"-d{seconds}", "--latency", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"not everything was accepted:\n{said}")
    counted = re.search(r"(\d+) requests in .*Requests/sec:\s+([\d.]+)", said, re.DOTALL)
    assert counted is not None, said
    return Load(int(counted[1]), float(counted[2]), _latency(said, "50%"), _latency(said, "99%"))


def _latency(said: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)\n", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


class Probe(threading.Thread):
    """Sends an event every half second and waits until it is on the timeline. `lags` are seconds."""

    def __init__(self, installation: Installation, key: str) -> None:
        super().__init__(daemon=True)
        self._url = f"http://127.0.0.1:{installation.port}/v1/track"
        self._database = visitor.database_url(installation)
        self._key = key
        self._done = threading.Event()
        self.lags: list[float] = []

    def run(self) -> None:
        with psycopg.connect(self._database, autocommit=True) as database:
            while not self._done.wait(0.5):
                name = f"probe-{uuid.uuid4()}"
                event = {"userId": "probe", "event": name, "writeKey": self._key}
                httpx.post(self._url, json=event, timeout=60).raise_for_status()
                acknowledged = time.monotonic()
                while not _stored(database, name) and time.monotonic() - acknowledged < PATIENCE:
                    time.sleep(0.02)
                self.lags.append(time.monotonic() - acknowledged)

    def stop(self) -> None:
        self._done.set()
        self.join(PATIENCE)


def _stored(database: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    # By its person, whose events are few: a scan for the name would take the time that is measured.
    query = """
        SELECT 1 FROM analytics_event
        WHERE person_id = (SELECT person_id FROM analytics_distinct_id WHERE distinct_id = 'probe') AND event = %s
    """
    return database.execute(query, [name]).fetchone() is not None


def until_enriched(installation: Installation) -> None:
    with psycopg.connect(visitor.database_url(installation), autocommit=True) as database:
        until = time.monotonic() + PATIENCE
        while database.execute("SELECT 1 FROM analytics_inbox LIMIT 1").fetchone():
            if time.monotonic() > until:
                raise SystemExit(f"the worker did not catch up within {PATIENCE:g} s")
            time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Phase:
    """A load, the median lag of its probes, events per second until the last was enriched, and processor seconds."""

    load: Load
    lag: float
    to_timeline: float
    spent: dict[str, float]


def phase(installation: Installation, key: str, size: int, seconds: int) -> Phase:
    probe, before = Probe(installation, key), _spent(installation)
    probe.start()
    began = time.monotonic()
    done = load(installation, key, size, seconds)
    probe.stop()
    until_enriched(installation)
    took = time.monotonic() - began
    after = _spent(installation)
    return Phase(
        done,
        statistics.median(probe.lags),
        done.requests * size / took,
        {part: round(after[part] - before[part], 1) for part in PARTS},
    )


def _spent(installation: Installation) -> dict[str, float]:
    return {part: visitor.spent(installation, part) for part in PARTS}


def main(seconds: int) -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; install it (apt install wrk)")
    with visitor.installation() as installation:
        created = installation.manage("newproject", "Benchmark", "--json").stdout
        key = KEY.search(created)
        assert key is not None, created
        single = phase(installation, key[0], SINGLE, seconds)
        batch = phase(installation, key[0], BATCH, seconds)
    rig.save(
        "together",
        {
            "seconds": seconds,
            "single_events_per_second": round(single.load.rate),
            "single_p50_ms": single.load.p50,
            "single_p99_ms": single.load.p99,
            "single_lag_seconds": round(single.lag, 2),
            "batched_events_per_second": round(batch.load.rate * BATCH),
            "batch_p50_ms": batch.load.p50,
            "batch_p99_ms": batch.load.p99,
            "to_timeline_per_second": round(batch.to_timeline),
            "processor_seconds": {"single": single.spent, "batch": batch.spent},
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
