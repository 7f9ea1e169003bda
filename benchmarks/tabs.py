"""What do fifty open pages of an idle project cost, and how soon do they show news?

    python -m benchmarks.tabs [TABS] [SECONDS]

Polls as static/js/changes.js does, each tab twice a second, on a running installation, and reads the processor time of
web and PostgreSQL. What they spend without tabs is measured before and subtracted. Then Ana does something: the delay
is that from the acknowledged event to the page's news.
"""

import asyncio
import re
import statistics
import sys
import time
import uuid

import httpx

from benchmarks import rig, visitor
from tests.config.installation import Installation

POLL_SECONDS = 0.5
NEWS = 5
TOPIC = re.compile(r'data-changes="(/live/[^"]+)"')
PERSON = re.compile(rf"{visitor.DEMO}people/\d+/")
KEY = re.compile(r"fhw_[\w-]+")


def spent(installation: Installation) -> float:
    return visitor.spent(installation, "web") + visitor.spent(installation, "PostgreSQL")


async def poll(base: str, topic: str, until: float) -> None:
    async with httpx.AsyncClient(base_url=base, timeout=30) as tab:
        while time.monotonic() < until:
            (await tab.get(topic)).raise_for_status()
            await asyncio.sleep(POLL_SECONDS)


async def idle(base: str, topics: list[str], seconds: float) -> None:
    until = time.monotonic() + seconds
    await asyncio.gather(*(poll(base, topic, until) for topic in topics))


def share(installation: Installation, base: str, topics: list[str], seconds: float) -> float:
    """Of one core, while these tabs are open."""
    before = spent(installation)
    asyncio.run(idle(base, topics, seconds))
    if not topics:
        time.sleep(seconds)
    return (spent(installation) - before) / seconds


def delays(browser: httpx.Client, page: str, key: str) -> list[float]:
    """Seconds from an acknowledged event of a new person to a changed topic."""
    topic, found = topic_of(browser, page), []
    for _ in range(NEWS):
        before = browser.get(topic).text
        event = {"userId": f"guest-{uuid.uuid4()}", "event": "came", "writeKey": key}
        browser.post("/v1/track", json=event).raise_for_status()
        acknowledged = time.monotonic()
        while browser.get(topic).text == before:
            time.sleep(POLL_SECONDS)
        found.append(time.monotonic() - acknowledged)
    return found


def topic_of(browser: httpx.Client, page: str) -> str:
    found = TOPIC.search(browser.get(page).text)
    assert found is not None, f"{page} is not live"
    return found[1]


def main(tabs: int, seconds: float) -> None:
    with visitor.installation(people=20) as installation:
        browser = visitor.signed_in(installation)
        created = installation.manage("newproject", "Empty", "--json").stdout
        browser.get("/")
        people = sorted(set(PERSON.findall(browser.get(f"{visitor.DEMO}people/").text)))
        topics = [topic_of(browser, people[n % len(people)]) for n in range(tabs)]
        base = str(browser.base_url)
        without, with_tabs = (share(installation, base, each, seconds) for each in ([], topics))
        key = KEY.search(created)
        assert key is not None, created
        shown = delays(browser, "/projects/empty/", key[0])
    rig.save(
        "tabs",
        {
            "tabs": tabs,
            "percent_of_a_core": round(100 * max(with_tabs - without, 0.0001), 2),
            "percent_without_tabs": round(100 * without, 2),
            "news_seconds_median": round(statistics.median(shown), 2),
            "news_seconds_worst": round(max(shown), 2),
        },
    )


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    main(int(given[0]) if given else 50, given[1] if len(given) > 1 else 20.0)
