"""The cache of the keys that can send events, and their projects. It also serves while the database is down."""

import asyncio
import hashlib
import logging
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import cast

import msgspec

from analytics.ingest.identity_tokens import ProjectIdentity
from analytics.ingest.postgres import DatabaseUnavailableError, ScriptConnection
from analytics.ingest.spool import RetryLaterError

# Keys that may only read are left out: nobody can send anything with them.
QUERY = """
SELECT key.digest, key.project_id, project.allowed_origins, key.kind = 'api', project.identity_enforced
FROM projects_key AS key JOIN projects_project AS project ON project.id = key.project_id
WHERE (key.kind = 'write' OR 'people:write' = ANY (key.scopes)) AND key.revoked_at IS NULL
"""
SECRETS = """
SELECT secret.project_id, project.slug, secret.kid, secret.secret
FROM projects_identitysecret AS secret JOIN projects_project AS project ON project.id = secret.project_id
WHERE secret.revoked_at IS NULL
ORDER BY secret.id DESC
"""
REFRESH_SECONDS = 2.0
MIN_REFRESH_SECONDS = 0.05
MAX_KEY = 200
"""Characters of a key. Longer ones are unknown: hashing and caching them would cost time and memory."""

log = logging.getLogger(__name__)


class Access(msgspec.Struct, frozen=True):
    """The project of a key and its allowed origins; without origins, all are allowed.

    secret    it is an API key with the scope people:write, so its aliases are proved
    enforced  user ids of browsers need an identity token
    """

    project_id: int
    origins: frozenset[str] = frozenset()
    secret: bool = False
    enforced: bool = False

    def allows(self, origin: str) -> bool:
        # Servers and apps send no Origin. The check only keeps out other websites.
        return not self.origins or not origin or origin.lower() in self.origins


NO_SECRETS = ProjectIdentity("", {})


def _by_project(secrets: list[tuple[int, str, str, str]]) -> dict[int, ProjectIdentity]:
    found: dict[int, dict[str, str]] = {}
    slugs: dict[int, str] = {}
    for project, slug, kid, secret in secrets:
        found.setdefault(project, {})[kid] = secret
        slugs[project] = slug
    return {project: ProjectIdentity(slugs[project], kids) for project, kids in found.items()}


@lru_cache(maxsize=4096)
def _digest(key: str) -> str:
    # The database and the key file hold digests, so that a stolen copy of them cannot send events.
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """All active keys by digest. `file` is read at a start while the database is down."""

    def __init__(self, url: str, file: Path) -> None:
        self._url = url
        self._file = file
        self._connection: ScriptConnection | None = None
        self._access = self._load()
        # Never in the file: whoever reads it could sign tokens for any user. So they are unknown after a start while
        # the database is down.
        self._identities: dict[int, ProjectIdentity] | None = None
        self._fetched = 0.0
        self._up_to_date = False
        self._fetch_lock = asyncio.Lock()

    def known(self, key: str) -> Access | None:
        """The access of a key from memory."""
        return self._access.get(_digest(key)) if len(key) <= MAX_KEY else None

    async def find(self, key: str) -> Access | None:
        """The access of a key. An unknown key asks the database, at most 20 times a second.

        Raises RetryLaterError for an unknown key while the database is down.
        """
        if (access := self.known(key)) is not None:
            return access
        if not key or len(key) > MAX_KEY:
            return None
        digest = _digest(key)
        await self._refresh()
        if digest not in self._access and not self._up_to_date:
            # Not 401: a client would drop its events, and the key may be valid.
            raise RetryLaterError("the database is unreachable and this key is not cached")
        return self._access.get(digest)

    def identity(self, project_id: int) -> ProjectIdentity:
        """What the project's tokens are checked with. Raises RetryLaterError if that was never read."""
        if self._identities is None:
            raise RetryLaterError("the database is unreachable, so identity tokens cannot be checked")
        return self._identities.get(project_id, NO_SECRETS)

    async def refresh(self) -> None:
        """Fetch keys and secrets now, at most 20 times a second."""
        await self._refresh()

    async def refresh_forever(self) -> None:
        """Refresh every REFRESH_SECONDS until cancelled."""
        while True:
            await self._refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _refresh(self) -> None:
        """Fetch all keys, unless another call began to fetch them after this one began."""
        asked = time.monotonic()
        async with self._fetch_lock:
            if self._fetched > asked:
                return
            # Otherwise requests with random keys could flood the database.
            await asyncio.sleep(max(0.0, self._fetched + MIN_REFRESH_SECONDS - asked))
            # The time before the query: a caller that came later may need a key that this query does not see.
            self._fetched = time.monotonic()
            try:
                known = await self._fetch()
            except DatabaseUnavailableError as error:
                log.warning(
                    "keys: the database is unreachable (%s); %d cached keys stay valid",
                    error,
                    len(self._access),
                )
                self._up_to_date = False
            else:
                self._up_to_date = True
                # Otherwise the file would be written every two seconds.
                if known != self._access:
                    self._access = known
                    await asyncio.to_thread(self._save, known)

    async def _fetch(self) -> dict[str, Access]:
        if self._connection is None or self._connection.closed:
            self._connection = await ScriptConnection.open(self._url)
        rows = cast("list[tuple[str, int, list[str], bool, bool]]", await self._connection.fetch(QUERY))
        secrets = cast("list[tuple[int, str, str, str]]", await self._connection.fetch(SECRETS))
        self._identities = _by_project(secrets)
        return {
            digest: Access(project, frozenset(map(str.lower, origins)), secret, enforced)
            for digest, project, origins, secret, enforced in rows
        }

    def _save(self, known: dict[str, Access]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # Written under another name and renamed: a crash must not leave half a file.
        # A name of its own, also beside another cache in this process.
        fresh = self._file.with_suffix(f".{os.getpid()}-{id(self):x}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(known))
        fresh.replace(self._file)

    def _load(self) -> dict[str, Access]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Access])
        except (OSError, msgspec.MsgspecError):
            return {}
