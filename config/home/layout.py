"""The paths in the home (FIRSTHAND_HOME), the one folder that holds the whole installation.

Standard library only, because ingest must not import Django.
"""

import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from config import env

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # sun_path holds 104 bytes on macOS, 108 on Linux, one of them the closing NUL


class HomeError(Exception):
    """The home cannot be used. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """The home and the paths of all embedded parts in it."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def lake_cache(self) -> Path:
        return self.root / "lake-cache"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def files(self) -> Path:
        """What people upload."""
        return self.root / "files"

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def socket_directory(self) -> Path:
        """In the home, or in the system's temporary folder if the home's path is too long for a socket."""
        inside = self.root / "run"
        if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            return inside
        # From the home's path: the same at every start, and no two homes share a socket.
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"firsthand-{digest}"

    @property
    def database_url(self) -> str:
        """The address of the embedded PostgreSQL: a local socket, no port."""
        return f"postgresql://firsthand@/firsthand?host={quote(str(self.socket_directory), safe='')}"

    def secret_key(self) -> str:
        """The installation's random key, created at first use and readable by its owner only."""
        file = self.root / "secret_key"
        if not file.exists():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create_once(file, secrets.token_urlsafe(50))
        if key := file.read_text(encoding="utf-8").strip():
            return key
        raise HomeError(
            f"{file} is empty; delete it, and the next start creates a new key (all users sign in again)"
        )


def _create_once(file: Path, text: str) -> None:
    """Create a private file with this text, unless another process was faster."""
    descriptor, complete = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            # Otherwise a power cut could leave an empty file, and nobody could sign in.
            os.fsync(stream.fileno())
        # Of two processes only one can make the link, and nobody can read it before it is complete.
        with suppress(FileExistsError):
            file.hardlink_to(complete)
    finally:
        Path(complete).unlink()


def home() -> Home:
    default = Path(__file__).resolve().parent.parent.parent / ".firsthand"
    return Home(env.path("FIRSTHAND_HOME", default))


def database_url() -> str:
    """DATABASE_URL, or the embedded database in the home."""
    return env.secret("DATABASE_URL") or home().database_url


def lake_url() -> str:
    """FIRSTHAND_LAKE_URL (s3://...), or a folder in the home."""
    return env.text("FIRSTHAND_LAKE_URL") or str(home().lake)
