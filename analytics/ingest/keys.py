"""Write keys and whose they are, known in memory: looked up on every request, and known while the database is away."""

import asyncio
import hashlib
import logging
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import cast

import msgspec

from analytics.ingest.postgres import Away, Pipe
from analytics.ingest.spool import Full

QUERY = """
SELECT key.digest, key.project_id, project.allowed_origins
FROM projects_key AS key JOIN projects_project AS project ON project.id = key.project_id
WHERE key.kind = 'write' AND key.revoked_at IS NULL
"""
EVERY = 2.0
PAUSE = 0.05

log = logging.getLogger(__name__)


class Access(msgspec.Struct, frozen=True):
    """What a write key opens: one project, from these origins (any, when there are none)."""

    project_id: int
    origins: frozenset[str] = frozenset()

    def allows(self, origin: str) -> bool:
        return not self.origins or not origin or origin.lower() in self.origins


@lru_cache(maxsize=4096)
def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """All live write keys, by digest. `file` remembers them for a start while the database is away."""

    def __init__(self, url: str, file: Path) -> None:
        self._url = url
        self._file = file
        self._pipe: Pipe | None = None
        self._known = self._remembered()
        self._fetched = 0.0
        self._certain = False
        self._fetching = asyncio.Lock()

    def known(self, key: str) -> Access | None:
        """The access of a key that is in memory."""
        return self._known.get(_digest(key))

    async def find(self, key: str) -> Access | None:
        """The access of a key, asked of the database at once when it is new, but not more than 20 times a second.

        Raises Full for a new key while the database is away: its client must not take it for refused.
        """
        digest = _digest(key)
        if (access := self._known.get(digest)) is not None:
            return access
        if not key:
            return None
        await self._refresh()
        if digest not in self._known and not self._certain:
            raise Full("the database is away, and this key was not known before")
        return self._known.get(digest)

    async def keep_fresh(self) -> None:
        """Runs until cancelled."""
        while True:
            await self._refresh()
            await asyncio.sleep(EVERY)

    async def close(self) -> None:
        if self._pipe is not None:
            await self._pipe.close()

    async def _refresh(self) -> None:
        """Ask the database, unless somebody else asked it after this call began; with a pause between two askings."""
        asked = time.monotonic()
        async with self._fetching:
            if self._fetched > asked:
                return
            await asyncio.sleep(max(0.0, self._fetched + PAUSE - asked))
            self._fetched = time.monotonic()
            try:
                known = await self._fetch()
            except Away as error:
                log.warning(
                    "keys: the database is away (%s); %d known keys stay valid", error, len(self._known)
                )
                self._certain = False
            else:
                self._certain = True
                if known != self._known:
                    self._known = known
                    await asyncio.to_thread(self._remember, known)

    async def _fetch(self) -> dict[str, Access]:
        if self._pipe is None or self._pipe.closed:
            self._pipe = await Pipe.open(self._url)
        rows = cast("list[tuple[str, int, list[str]]]", await self._pipe.fetch(QUERY))
        return {
            digest: Access(project, frozenset(map(str.lower, origins))) for digest, project, origins in rows
        }

    def _remember(self, known: dict[str, Access]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(known))
        fresh.replace(self._file)

    def _remembered(self) -> dict[str, Access]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Access])
        except (OSError, msgspec.MsgspecError):
            return {}
