"""What a page's address asks, as the body of a query: the same body that the API takes."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, Min
from django.utils.timezone import localdate

from analytics.insights.kind import Screen
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
class Asked:
    """A question as a page asks it: `given` as the form shows it, `body` as the API takes it."""

    given: dict[str, str]
    body: dict[str, Any]

    @property
    def address(self) -> str:
        return urlencode(self.given)

    def same_dates(self, base: str, period: str, called: str) -> str:
        """Another insight for the same dates and periods; its own word for the period is `called`."""
        shared = {called: self.given[period], "from": self.given["from"], "to": self.given["to"]}
        return f"{base}?{urlencode(shared)}"

    def people_at(self, base: str, **point: str | int) -> str:
        """The address of the people behind one of its figures, below the insight's own."""
        return f"{base}people/?{urlencode(self.given | {name: str(value) for name, value in point.items()})}"


def ask(project: Project, screen: Screen[Any, Any], asked: Mapping[str, str]) -> Asked:
    """What the address asks; what it leaves out is as the screen's form has it at first."""
    given = {name: asked.get(name, usual) for name, usual in screen.fields.items()}
    given |= _range(project, given[screen.period], asked)
    return Asked(given, screen.body(given) | {"from": given["from"], "to": given["to"]})


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
