"""Keeps the home to its owner: what this process creates, and what an earlier version has left readable.

Standard library only, because ingest must not import Django.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from config.home.layout import Home, HomeError

UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OURS = {
    "broker",
    "database.users",
    "lake",
    "lock",
    "logs",
    "mail",
    "postgres",
    "run",
    "secret_key",
    "spool",
    "static",
}
"""An existing home has at least one of these."""


def restrict_new_files() -> None:
    """Make everything that this process and its children create from now on readable by its owner only."""
    os.umask(UMASK)


def prepare(home: Home) -> None:
    """Create the home, or make an existing one private. Raises HomeError if it cannot be made private."""
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not home.root.stat().st_mode & OTHERS:
        open_entries = [each for each in home.root.iterdir() if _is_open(each)]
    else:
        _check_is_a_home(home.root)
        open_entries = list(home.root.iterdir())
    try:
        home.root.chmod(0o700)
        for entry in open_entries:
            _close(entry)
    except OSError as error:
        raise HomeError(
            f"cannot make {error.filename} private ({error.strerror}); start as the user who owns {home.root}"
        ) from error


def _check_is_a_home(root: Path) -> None:
    # With FIRSTHAND_HOME=/tmp or /srv, making it private would lock everyone else out of it.
    names = {each.name for each in root.iterdir()}
    if names and not names & OURS:
        raise HomeError(
            f"{root} holds other files, and only its owner could enter it as a home; "
            f"set FIRSTHAND_HOME to a folder of its own, such as {root / 'firsthand'}"
        )


def _is_open(path: Path) -> bool:
    # A folder that a symbolic link names is not in the home, and its owner decides about it.
    return not path.is_symlink() and bool(path.stat().st_mode & OTHERS)


def _close(entry: Path) -> None:
    for path in (entry, *_below(entry)):
        try:
            if _is_open(path):
                path.chmod(path.stat().st_mode & ~OTHERS & 0o7777)
        except FileNotFoundError:
            continue  # a temporary file of a process that is running


def _below(entry: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(entry):
        yield from (Path(folder, name) for name in (*folders, *files))
