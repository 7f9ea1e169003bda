"""The form of the reactions page, and the figure in its query parameters."""

from collections.abc import Mapping
from typing import Any

FIELDS = {"interval": "week"}


def body(given: Mapping[str, str]) -> dict[str, Any]:
    return {"interval": given["interval"]}


def point(given: Mapping[str, str]) -> dict[str, Any]:
    return {"cohort": given.get("cohort", ""), "reaction": given.get("reaction") or None}
