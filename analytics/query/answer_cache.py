"""Figures by project, question and data version. A new version is a new key, so a cached figure is never stale."""

import hashlib
from collections.abc import Callable

import msgspec
from django.core.cache import cache

from analytics.models import DataVersion, RollupCalendar
from analytics.query.figures import Figures
from analytics.query.spec import Query
from projects.models import Project

KEEP_SECONDS = 24 * 3600


def current_version() -> int:
    """The newest data version; 0 before the first rollup."""
    newest = DataVersion.objects.order_by("-id").values_list("id", flat=True).first()
    return newest or 0


def is_recut(project: Project) -> bool:
    """Whether the project's calendar has changed since its rollups were cut."""
    cut = RollupCalendar.objects.filter(project=project).values_list("timezone", "week_start").first()
    return cut is not None and cut != (project.timezone, project.week_start)


def remember(project: Project, query: Query, compute: Callable[[], Figures]) -> Figures:
    """The figures at the newest version, computed at most once; kept under the version that they were counted at."""
    kept = cache.get(_key(project, query, current_version()))
    if kept is not None:
        return msgspec.msgpack.decode(kept, type=Figures)
    figures = compute()
    cache.set(_key(project, query, figures.data_version), msgspec.msgpack.encode(figures), KEEP_SECONDS)
    return figures


def _key(project: Project, query: Query, version: int) -> str:
    """Settings that cut time belong to the question: changing them must not show what was counted before."""
    cut = [project.pk, project.timezone, project.week_start]
    asked = msgspec.json.encode([cut, type(query).__name__, query, version])
    return "figures:" + hashlib.sha256(asked).hexdigest()
