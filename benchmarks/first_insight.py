"""Is the first insight after a start as quick as the tenth?

    python -m benchmarks.first_insight [ROUNDS]

Starts an installation with the demo's data again and again, waits until it has warmed up (its web process is idle), and
asks ten times for the same insight of a different range, so that none comes from the cache. The ratio of the first to
the median of the rest is told.
"""

import datetime as dt
import itertools
import signal
import statistics
import sys
import time
from collections.abc import Iterator

import httpx

from benchmarks import rig, visitor
from tests.config.installation import Installation

QUESTIONS = 10


def settle(installation: Installation) -> None:
    """Until a second passes in which the web process does next to nothing."""
    before = visitor.spent(installation, "web")
    for _ in range(60):
        time.sleep(1)
        now = visitor.spent(installation, "web")
        if now - before < 0.05:
            return
        before = now


def seconds(browser: httpx.Client, pages: list[str]) -> list[float]:
    found = []
    for page in pages:
        began = time.monotonic()
        browser.get(page).raise_for_status()
        found.append(time.monotonic() - began)
    return found


def measure(installation: Installation, days: Iterator[int]) -> dict[str, list[float]]:
    """Milliseconds of each page, in order, right after a start."""
    browser = visitor.signed_in(installation)
    settle(installation)
    today = dt.datetime.now(dt.UTC).date()
    starts = [today - dt.timedelta(days=next(days)) for _ in range(QUESTIONS)]
    insights = [f"{visitor.DEMO}insights/{{}}?from={start}&to={today}" for start in starts]
    return {
        "retention": seconds(browser, [each.format("retention/") for each in insights]),
        "trends": seconds(browser, [each.format("trends/") for each in insights]),
    }


def main(rounds: int) -> None:
    firsts: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    days = itertools.count(30)
    with visitor.installation(people=50) as installation:
        for _ in range(rounds):
            installation.signal(signal.SIGTERM)
            installation.start()
            for name, took in measure(installation, days).items():
                firsts.setdefault(name, []).append(took[0])
                ratios.setdefault(name, []).append(took[0] / statistics.median(took[1:]))
    rig.save(
        "first_insight",
        {
            "first_ms": {name: round(1000 * statistics.median(each), 1) for name, each in firsts.items()},
            "first_to_tenth": {name: round(statistics.median(each), 2) for name, each in ratios.items()},
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
