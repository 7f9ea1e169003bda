"""The result of one check."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from analytics.failures import summary


class CheckError(Exception):
    """Something is wrong. The message says what was found, what was expected and where to look."""


class CheckWarning(Exception):  # noqa: N818 (a warning, not an error)
    """Something may be wrong. The command does not fail because of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`part` names a part of the installation, or "project SLUG: ledger". Only an "error" makes the command fail."""

    part: str
    state: Literal["ok", "warning", "error"]
    detail: str


def run_check(part: str, check: Callable[[], str]) -> Finding:
    """`check` returns what it found, or raises CheckError or CheckWarning."""
    try:
        return Finding(part, "ok", check())
    except CheckWarning as warning:
        return Finding(part, "warning", str(warning))
    except CheckError as error:
        return Finding(part, "error", str(error))
    except Exception as error:  # a damaged file must not keep the other checks from telling
        return Finding(part, "error", f"cannot be checked: {summary(error)}")
