"""Cached figures by project, question and data version, shared by all processes.

Each question is computed once at a time. A new data version has new keys, so entries are never stale.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from functools import cache as once
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from django.core.cache import cache
from msgspec import Struct

import analytics
from analytics import versions
from analytics.locks import computed_once
from analytics.query.plan import Plan

F = TypeVar("F")

KEEP_SECONDS = 24 * 3600
MAX_BYTES = 1 << 20
"""Bytes. Larger answers are not cached."""

log = logging.getLogger(__name__)


class Figures(Struct, Generic[F], frozen=True):
    """The figures of a kind at a data version."""

    data_version: int
    found: F


def get_or_compute(plan: Plan, compute: Callable[[], Figures[Any]]) -> Figures[Any]:
    """The figures at the newest data version. Concurrent callers wait for one computation."""
    at = versions.current(plan.project.pk).number
    # No version in the lock's name: on a busy project a slow query would run once per version, several at a time.
    return computed_once(
        f"answer {_question(plan)}", lambda: _kept(plan, at), lambda: _computed(plan, at, compute)
    )


def key(plan: Plan, version: int, of: str = "figures") -> str:
    """The cache key of something about a question at a data version."""
    return f"{of}:{_question(plan)}:{version}"


def _question(plan: Plan) -> str:
    """A digest of everything that figures depend on, except the data version.

    It includes the settings of the calendar, and the code: answers of an older release must not survive an upgrade.
    """
    cut = [plan.project.pk, plan.project.timezone, plan.project.week_start]
    asked = msgspec.json.encode([cut, plan.kind.name, plan.question, _code()])
    return hashlib.sha256(asked).hexdigest()


@once
def _code() -> str:
    folder = Path(analytics.__file__).parent
    # Sorted: every process must get the same digest, whatever order its file system has.
    sources = sorted(path for path in folder.rglob("*") if path.suffix in {".py", ".sql"})
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


def _computed(plan: Plan, at: int, compute: Callable[[], Figures[Any]]) -> Figures[Any]:
    began = time.perf_counter()
    figures = compute()
    took = 1000 * (time.perf_counter() - began)
    log.info("computed %s of project %d at data version %d: %.0f ms",
             plan.kind.name, plan.project.pk, figures.data_version, took)  # fmt: skip
    encoded = msgspec.msgpack.encode(figures)
    if len(encoded) <= MAX_BYTES:
        # Also under the requested version, if a newer one appeared meanwhile: waiting callers look there.
        for number in {figures.data_version, min(at, figures.data_version)}:
            cache.set(key(plan, number), encoded, KEEP_SECONDS)
    return figures


def _kept(plan: Plan, number: int) -> Figures[Any] | None:
    kept = cache.get(key(plan, number))
    if kept is None:
        return None
    figures: Figures[Any] = msgspec.msgpack.decode(kept, type=Figures[plan.kind.figures])  # type: ignore[name-defined]
    return figures
