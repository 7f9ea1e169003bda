"""Figures by project, question and data version. A new version is a new key, so a cached figure is never stale."""

import hashlib
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from django.core.cache import cache
from msgspec import Struct

from analytics import versions
from analytics.query.plan import Plan

F = TypeVar("F")

KEEP_SECONDS = 24 * 3600


class Figures(Struct, Generic[F], frozen=True):
    """What a kind counted, at a data version."""

    data_version: int
    found: F


def remember(plan: Plan, compute: Callable[[], Figures[Any]]) -> Figures[Any]:
    """The figures at the newest version, computed at most once; kept under the version that they were counted at."""
    kept = cache.get(key(plan, versions.current(plan.project.pk).number))
    if kept is not None:
        return msgspec.msgpack.decode(kept, type=Figures[plan.kind.figures])  # type: ignore[name-defined]
    figures = compute()
    cache.set(key(plan, figures.data_version), msgspec.msgpack.encode(figures), KEEP_SECONDS)
    return figures


def key(plan: Plan, version: int, of: str = "figures") -> str:
    """Settings that cut time belong to the question: changing them must not show what was counted before."""
    cut = [plan.project.pk, plan.project.timezone, plan.project.week_start]
    asked = msgspec.json.encode([cut, plan.kind.name, plan.question, version])
    return f"{of}:" + hashlib.sha256(asked).hexdigest()
