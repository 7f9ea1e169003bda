"""What the doctor says about one part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


class FaultError(Exception):
    """Something is wrong; the message says what was found, what was expected, and where to look."""


class DoubtError(Exception):
    """Something may be wrong: worth saying, no reason to fail."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`part` is of the installation, or "project SLUG: books"; only a "fault" fails the examination."""

    part: str
    state: Literal["ok", "doubt", "fault"]
    detail: str


def look(part: str, check: Callable[[], str]) -> Finding:
    """A check returns what it saw, or raises FaultError or DoubtError."""
    try:
        return Finding(part, "ok", check())
    except DoubtError as doubt:
        return Finding(part, "doubt", str(doubt))
    except FaultError as fault:
        return Finding(part, "fault", str(fault))
