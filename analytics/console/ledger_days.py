"""The ingestion ledger by local day: received = stored + duplicates + refused + quarantined + pending."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from django.utils.timezone import localdate, now

from analytics.models import LedgerEntry
from projects.models import Project

Outcome = LedgerEntry.Outcome
DAYS = 30


class Row(NamedTuple):
    """A ledger entry without its hour."""

    outcome: str
    reason: str
    events: int


@dataclass(frozen=True, slots=True)
class Day:
    """One day's events by outcome. `reasons` are why events were refused, most frequent first."""

    date: dt.date
    received: int
    stored: int
    duplicates: int
    refused: int
    quarantined: int
    reasons: list[tuple[str, int]]

    @property
    def pending(self) -> int:
        """Acknowledged and on disk, but not enriched yet."""
        return max(0, self.received - self.stored - self.duplicates - self.refused - self.quarantined)


def days(project: Project) -> list[Day]:
    """Days with events among the last DAYS, newest first, in the current time zone."""
    since = now() - dt.timedelta(days=DAYS)
    rows = LedgerEntry.objects.filter(project_id=project.pk, hour__gte=since)
    by_day: dict[dt.date, list[Row]] = {}
    for hour, outcome, reason, count in rows.values_list("hour", "outcome", "reason", "count"):
        by_day.setdefault(localdate(hour), []).append(Row(outcome, reason, count))
    return [_day(date, entries) for date, entries in sorted(by_day.items(), key=itemgetter(0), reverse=True)]


def _day(date: dt.date, rows: Iterable[Row]) -> Day:
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for row in rows:
        outcomes[row.outcome] += row.events
        if row.outcome == Outcome.REFUSED:
            reasons[row.reason] += row.events
    return Day(
        date=date,
        received=outcomes[Outcome.RECEIVED],
        stored=outcomes[Outcome.STORED],
        duplicates=outcomes[Outcome.DUPLICATE],
        refused=outcomes[Outcome.REFUSED],
        quarantined=outcomes[Outcome.QUARANTINED],
        reasons=reasons.most_common(),
    )
