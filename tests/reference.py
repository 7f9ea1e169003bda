"""A naive implementation of the definitions in docs/metrics.md: slow, but easy to check by reading.

Local times come from Python's zoneinfo, never from the code under test.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")
Test = Callable[["Happened"], bool]


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of one person, or of nobody (None)."""

    person: str | None
    event: str
    at: dt.datetime
    properties: dict[str, Any] = field(default_factory=dict)


def of_people(history: Iterable[Happened]) -> list[Happened]:
    return [happened for happened in history if happened.person is not None]


def named(name: str | None) -> Test:
    """Events of this name; of any name for None."""
    return lambda happened: name is None or happened.event == name


def start_of_hour(at: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The start of the local hour. The hour that is repeated in autumn has two starts."""
    local = at.astimezone(zone)
    return (
        at - dt.timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    ).astimezone(dt.UTC)


def start_of(interval: str, day: dt.date, week_start: int = 0) -> dt.date:
    """The first day of the day, week or month in which a local day lies."""
    if interval == "week":
        return day - dt.timedelta((day.weekday() - week_start) % 7)
    return day.replace(day=1) if interval == "month" else day


def periods(
    interval: str, first: dt.date, last: dt.date, zone: ZoneInfo = UTC, week_start: int = 0
) -> list[dt.date] | list[dt.datetime]:
    """The start of every period from the one of `first` to the one of `last`."""
    if interval == "hour":
        begin = dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC)
        end = dt.datetime.combine(last + dt.timedelta(1), dt.time(), zone).astimezone(dt.UTC)
        return [
            begin + dt.timedelta(hours=hour) for hour in range(round((end - begin).total_seconds()) // 3600)
        ]
    begun = start_of(interval, first, week_start)
    days = [begun + dt.timedelta(number) for number in range((last - begun).days + 1)]
    return sorted({start_of(interval, day, week_start) for day in days} - {None})


def period_of(happened: Happened, interval: str, zone: ZoneInfo, week_start: int) -> dt.date | dt.datetime:
    if interval == "hour":
        return start_of_hour(happened.at, zone)
    return start_of(interval, happened.at.astimezone(zone).date(), week_start)


def retention(
    history: Iterable[Happened],
    *,
    first: dt.date,
    last: dt.date,
    period: str = "day",
    kind: str = "recurring",
    start: str | None = None,
    back: str | None = None,
    start_where: Test = lambda _: True,
    back_where: Test = lambda _: True,
    counting: str = "on",
    min_occurrences: int = 1,
    zone: ZoneInfo = UTC,
    week_start: int = 0,
) -> list[list[int]]:
    """People per cohort and offset."""
    columns = periods(period, first, last, zone, week_start)
    everyone: dict[str | None, list[Happened]] = {}
    for happened in sorted(of_people(history), key=lambda happened: happened.at):
        everyone.setdefault(happened.person, []).append(happened)
    triangle = [[0] * (len(columns) - cohort) for cohort in range(len(columns))]

    for events in everyone.values():

        def when(happened: Happened) -> dt.date | dt.datetime:
            return period_of(happened, period, zone, week_start)

        named_start = [happened for happened in events if start is None or happened.event == start]
        starts = [happened for happened in named_start if start_where(happened)]
        if kind == "recurring":
            joined = {when(happened) for happened in starts}
        elif kind == "first_time":
            joined = {when(happened) for happened in starts[:1]}
        else:
            joined = {when(happened) for happened in named_start[:1] if start_where(happened)}
        returns = [
            when(happened)
            for happened in events
            if (back is None or happened.event == back) and back_where(happened)
        ]
        came = [returns.count(column) >= min_occurrences for column in columns]

        for cohort, column in enumerate(columns):
            if column not in joined:
                continue
            triangle[cohort][0] += 1
            for offset in range(1, len(columns) - cohort):
                here = cohort + offset
                seen = any(came[here:]) if counting == "on_or_after" else came[here]
                triangle[cohort][offset] += seen
    return triangle


def trend(
    history: Sequence[Happened],
    *,
    first: dt.date,
    last: dt.date,
    interval: str = "day",
    event: str | None = None,
    where: Test = lambda _: True,
    zone: ZoneInfo = UTC,
    week_start: int = 0,
) -> tuple[list[int], list[int], int]:
    """Events per period, people per period, and different people over the whole range."""
    totals, people, everyone = [], [], set()
    for column in periods(interval, first, last, zone, week_start):
        here = [
            happened.person
            for happened in history
            if (event is None or happened.event == event)
            and where(happened)
            and period_of(happened, interval, zone, week_start) == column
        ]
        totals.append(len(here))
        people.append(len({*here} - {None}))
        everyone |= {*here} - {None}
    return totals, people, len(everyone)


def lifecycle(
    history: Sequence[Happened],
    *,
    first: dt.date,
    last: dt.date,
    interval: str = "day",
    event: str | None = None,
    zone: ZoneInfo = UTC,
    week_start: int = 0,
) -> dict[str, list[set[str]]]:
    """Who is new, returning, resurrecting and dormant in each period of the range."""
    columns = periods(interval, first, last, zone, week_start)
    before = _period_before(interval, columns[0])
    active = {column: set[str]() for column in (before, *columns)}
    seen: dict[str, dt.date | dt.datetime] = {}
    for happened in sorted(of_people(history), key=lambda one: one.at):
        column = period_of(happened, interval, zone, week_start)
        assert happened.person is not None
        seen.setdefault(happened.person, column)
        if column in active and (event is None or happened.event == event):
            active[column].add(happened.person)
    found: dict[str, list[set[str]]] = {"new": [], "returning": [], "resurrecting": [], "dormant": []}
    for earlier, column in itertools.pairwise((before, *columns)):
        new = {person for person in active[column] if seen[person] == column}
        found["new"].append(new)
        found["returning"].append(active[column] & active[earlier])
        found["resurrecting"].append(active[column] - active[earlier] - new)
        found["dormant"].append(active[earlier] - active[column])
    return found


def _period_before(interval: str, start: dt.date | dt.datetime) -> dt.date | dt.datetime:
    if isinstance(start, dt.datetime):
        return start - dt.timedelta(hours=1)
    return (
        start_of("month", start - dt.timedelta(1))
        if interval == "month"
        else start - dt.timedelta(7 if interval == "week" else 1)
    )


def stickiness(
    history: Sequence[Happened],
    *,
    first: dt.date,
    last: dt.date,
    interval: str = "day",
    event: str | None = None,
    zone: ZoneInfo = UTC,
    week_start: int = 0,
) -> dict[int, set[str]]:
    """Who was active in exactly how many periods of the range."""
    columns = set(periods(interval, first, last, zone, week_start))
    found: dict[int, set[str]] = {}
    for person in {happened.person for happened in history if happened.person is not None}:
        theirs = [one for one in history if one.person == person and (event is None or one.event == event)]
        active = {period_of(one, interval, zone, week_start) for one in theirs} & columns
        if active:
            found.setdefault(len(active), set()).add(person)
    return found


def value_as_of(told: Iterable[tuple[dt.datetime, int, dict[str, Any], dict[str, Any]]], name: str) -> Any:
    """The value of one person's fact, once all of this has happened; None is not set.

    told   time, order of arrival, what was set, what was set once
    """
    value, was_set = None, False
    for _, _, sets, sets_once in sorted(told, key=lambda one: one[:2]):
        if name in sets:
            value, was_set = sets[name], True
        elif value is None and not was_set:
            value = sets_once.get(name)
    return value


IDLE, DAY = dt.timedelta(minutes=30), dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Visit:
    """An event as sessions see it: of a browser, an app or a client's own session, or of a server (None).

    joins   the person who turns out to be the same one: they are one from the batch of this event on
    """

    person: str
    device: str | None
    at: dt.datetime
    joins: str | None = None


@dataclass(slots=True)
class Session:
    """The visits of one person and device, and what servers did meanwhile.

    active   the last visit that was not a server's
    """

    person: str
    device: str
    start: dt.datetime
    active: dt.datetime
    end: dt.datetime
    visits: list[Visit] = field(default_factory=list)

    def add(self, visit: Visit) -> None:
        self.start, self.end = min(self.start, visit.at), max(self.end, visit.at)
        if visit.device is not None:
            self.active = max(self.active, visit.at)
        self.visits.append(visit)


def sessions(batches: Iterable[Sequence[Visit]]) -> list[Session]:
    """The sessions after these batches. No two visits of a person are at the same time."""
    found: list[Session] = []
    whose: dict[str, str] = {}
    for batch in batches:
        whose |= {visit.joins: visit.person for visit in batch if visit.joins}
        for session in found:
            session.person = whose.get(session.person, session.person)
        here = [replace(visit, person=whose.get(visit.person, visit.person)) for visit in batch]
        here.sort(key=lambda visit: visit.at)
        active = [(session, session.start, session.active) for session in found]
        for person, device in {(visit.person, visit.device) for visit in here}:
            if device is not None:
                mine = [visit for visit in here if (visit.person, visit.device) == (person, device)]
                stored = [
                    session for session in found if (session.person, session.device) == (person, device)
                ]
                found += _visited(mine, stored)
        now = set(here)
        for session in found:
            active += [(session, each.at, each.at) for each in session.visits if each in now]
        for visit in here:
            if visit.device is None:
                _join(visit, active)
    return found


def _visited(visits: list[Visit], stored: list[Session]) -> list[Session]:
    """Adds a batch's visits of one browser to its sessions. Returns the new ones."""
    new: list[Session] = []
    extents = [(each.start, each.active, each) for each in stored] + [
        (each.at, each.at, each) for each in visits
    ]
    island: list[Visit | Session] = []
    reached = None
    for start, end, each in sorted(extents, key=lambda extent: extent[0]):
        if reached is not None and start > reached + IDLE:
            new += _fit(island)
            island = []
            reached = None
        island.append(each)
        reached = max(reached or end, end)
    return new + _fit(island)


def _fit(island: list[Visit | Session]) -> list[Session]:
    stored = [each for each in island if isinstance(each, Session)]
    visits = [each for each in island if isinstance(each, Visit)]
    if not stored:
        return _chain(visits)
    began = [(session, session.start) for session in stored]
    new: list[Session] = []
    for session, start in began:
        following = min((other for _, other in began if other > start), default=None)
        first = session is stored[0]
        mine = [
            visit
            for visit in visits
            if (first or visit.at >= start) and not (following and visit.at >= following)
        ]
        early = [visit for visit in mine if visit.at <= session.end - DAY]
        late = [visit for visit in mine if visit not in early]
        limit = min([start, *(visit.at for visit in late)]) + DAY
        for visit in late:
            if visit.at < limit:
                session.add(visit)
        new += _chain(early) + _chain([visit for visit in late if visit.at >= limit])
    return new


def _chain(visits: list[Visit]) -> list[Session]:
    """New sessions of 24 hours at most, each from the first visit that is beyond the one before."""
    new: list[Session] = []
    for visit in visits:
        if not new or visit.at >= new[-1].start + DAY:
            assert visit.device is not None
            new.append(Session(visit.person, visit.device, visit.at, visit.at, visit.at))
        new[-1].add(visit)
    return new


def _join(visit: Visit, active: list[tuple[Session, dt.datetime, dt.datetime]]) -> None:
    """A server's event joins the session that was active last. `active`: when each session was, as known by then."""
    before = [
        (end, session.start, session)
        for session, start, end in active
        if session.person == visit.person and start <= visit.at
    ]
    if before:
        end, _, session = max(before, key=lambda one: one[:2])
        if visit.at <= end + IDLE and visit.at < session.start + DAY:
            session.add(visit)
