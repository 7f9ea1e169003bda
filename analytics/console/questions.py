"""What a page's address asks, as the body of a query: the same body that the API takes."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Min
from django.utils.timezone import localdate

from analytics.models import Person
from projects.models import Project

BACK = {
    "hour": dt.timedelta(days=1),
    "day": dt.timedelta(days=13),
    "week": dt.timedelta(weeks=9),
    "month": dt.timedelta(days=334),
}
"""How far a page looks back unless it is told: as many periods as are read at a glance."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: `given` as the form shows it, `body` as query.spec.parse takes it."""

    kind: str
    given: dict[str, str]
    body: dict[str, Any]

    @property
    def address(self) -> str:
        return urlencode(self.given)

    def people_at(self, point: Mapping[str, str | int]) -> str:
        """The address, below the insight's own, of the people behind one of its figures."""
        return f"people/?{urlencode(self.given | {name: str(value) for name, value in point.items()})}"


RETENTION = {"period": "week", "start": "", "return": "", "kind": "first_time"}
TRENDS = {"interval": "day", "event": "", "measure": "people"}


def retention(project: Project, asked: Mapping[str, str]) -> Question:
    given = _given(project, asked, RETENTION, "period")
    body = {name: given[name] for name in ("period", "kind", "from", "to")}
    events = {name: {"event": given[name] or None} for name in ("start", "return")}
    return Question("retention", given, body | events)


def trends(project: Project, asked: Mapping[str, str]) -> Question:
    given = _given(project, asked, TRENDS, "interval")
    series = {"event": given["event"] or None, "measure": given["measure"]}
    body: dict[str, Any] = {name: given[name] for name in ("interval", "from", "to")}
    return Question("trends", given, body | {"series": [series]})


def _given(
    project: Project, asked: Mapping[str, str], usual: Mapping[str, str], period: str
) -> dict[str, str]:
    taken = {name: asked.get(name, default) for name, default in usual.items()}
    return taken | _range(project, taken[period], asked)


def _range(project: Project, period: str, asked: Mapping[str, str]) -> dict[str, str]:
    """The dates asked for, else the newest stretch in which anybody did anything."""
    seen = Person.objects.filter(project=project, merged_into=None).aggregate(
        first=Min("first_seen"), last=Max("last_seen")
    )
    today = localdate()
    back = BACK.get(period, BACK["day"])
    last = min(today, localdate(seen["last"])) if seen["last"] else today
    end = today if today - last <= back else last
    start = max(end - back, localdate(seen["first"])) if seen["first"] else end - back
    return {
        "from": asked.get("from") or min(start, end).isoformat(),
        "to": asked.get("to") or end.isoformat(),
    }
