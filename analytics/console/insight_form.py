"""From the query string of an insight's page to the body of a query, as in the API."""

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
"""The default date range: as many periods as are easy to read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question from a page: `given` are the form's values, `body` is the API's body."""

    given: dict[str, str]
    body: dict[str, Any]

    @property
    def address(self) -> str:
        return urlencode(self.given)

    def same_dates(self, base: str, period: str, called: str) -> str:
        """The URL of another insight for the same dates and periods. Its period field is named `called`."""
        shared = {called: self.given[period], "from": self.given["from"], "to": self.given["to"]}
        return f"{base}?{urlencode(shared)}"

    def people_at(self, base: str, **point: str | int) -> str:
        """The URL of the people behind a figure."""
        return f"{base}people/?{urlencode(self.given | {name: str(value) for name, value in point.items()})}"


def ask(project: Project, screen: Screen[Any, Any], asked: Mapping[str, str]) -> Asked:
    """The question of a query string. Missing fields have the defaults of the form."""
    given = {name: asked.get(name, usual) for name, usual in screen.fields.items()}
    given |= _range(project, given[screen.period], asked)
    return Asked(given, screen.body(given) | {"from": given["from"], "to": given["to"]})


def _range(project: Project, period: str, asked: Mapping[str, str]) -> dict[str, str]:
    """The requested dates. By default the newest range with activity: the last weeks of an old project may be empty."""
    seen = Person.objects.filter(project=project, merged_into=None).aggregate(
        first=Min("first_seen"), last=Max("last_seen")
    )
    today = localdate()
    back = BACK.get(period, BACK["day"])
    # A client's clock may put its last event up to a day ahead.
    last = min(today, localdate(seen["last"])) if seen["last"] else today
    end = today if today - last <= back else last
    start = max(end - back, localdate(seen["first"])) if seen["first"] else end - back
    return {
        "from": asked.get("from") or min(start, end).isoformat(),
        "to": asked.get("to") or end.isoformat(),
    }
