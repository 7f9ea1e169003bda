"""One connection per web process that listens for changes, and the latest change of each topic."""

import asyncio
import logging
from collections import OrderedDict

import psycopg

from dashboard.live.changes import CHANNEL, EVERYONE

log = logging.getLogger(__name__)

MAX_TOPICS = 20_000
"""Topics whose latest change is remembered, about 5 MB. Pages ask twice a second, so older changes have been seen."""

RECONNECT_SECONDS = 1.0
PING_SECONDS = 20.0
"""Seconds between two checks that the connection is alive: a lost peer would otherwise go unnoticed for hours."""

CONNECT_SECONDS = 5
NOTHING = (0, "")


class NotListeningError(Exception):
    """Changes may be missed at the moment, because the database is unreachable."""


class Listener:
    """`latest` answers from memory while `run` listens."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._latest: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._received = 0
        self._listening = False

    def latest(self, topic: str) -> str:
        """A name that changes whenever the topic does; "" before its first change. Raises NotListeningError."""
        if not self._listening:
            raise NotListeningError
        project, _, person = topic.partition("/")
        known = [
            self._latest.get(each, NOTHING) for each in (topic, f"{project}/{EVERYONE}" if person else topic)
        ]
        # The newer one, not both: a process that has seen only one of them must give the same name as the others.
        return max(known)[1]

    async def run(self) -> None:
        """Listen until cancelled; reconnect when the connection is lost."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                log.warning("live pages: the database is unreachable (%s)", error)
            finally:
                self._listening = False
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="firsthand live"
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._listening = True
            while True:
                async for notification in connection.notifies(timeout=PING_SECONDS):
                    self.remember(notification.payload)
                await connection.execute("SELECT 1")

    def __len__(self) -> int:
        return len(self._latest)

    def remember(self, payload: str) -> None:
        """Remember the change that a notification names: "change project person,person"."""
        change, project, people = payload.split(" ")
        self._received += 1
        for topic in (project, *(f"{project}/{person}" for person in people.split(","))):
            self._latest[topic] = self._received, change
            self._latest.move_to_end(topic)
        while len(self._latest) > MAX_TOPICS:
            self._latest.popitem(last=False)
