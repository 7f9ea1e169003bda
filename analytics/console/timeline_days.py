"""A timeline as a page shows it: by local day, every entry with the key under which the page keeps it in place."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from django.utils.timezone import localdate

from analytics.console.sentences import Change, Said, Sentence, changes, facts, said, sentence
from analytics.query.timeline import Entry, EventEntry, LinkEntry, SessionEntry, TimelineEvent


@dataclass(frozen=True, slots=True)
class Line:
    """One event: what happened, what was said, what it changed about the person, and the facts that came with it."""

    key: str
    at: dt.datetime
    name: str
    sentence: Sentence
    said: Said | None
    changes: list[Change]
    facts: list[tuple[str, str]]
    kind: str = "line"


@dataclass(frozen=True, slots=True)
class Visit:
    """A folded session. `hidden` is how many of its events are not among `lines`."""

    key: str
    at: dt.datetime
    entry: SessionEntry
    lines: list[Line]
    kind: str = "visit"

    @property
    def hidden(self) -> int:
        return max(0, self.entry.session.events - len(self.lines))

    @property
    def technology(self) -> str:
        session = self.entry.session
        return " on ".join(part for part in (session.browser, session.os) if part)

    @property
    def comments(self) -> list[Said]:
        return [line.said for line in self.lines if line.said]


@dataclass(frozen=True, slots=True)
class Joined:
    """Two ids that became one person, or did not."""

    key: str
    at: dt.datetime
    entry: LinkEntry
    kind: str = "joined"


Item = Line | Visit | Joined


@dataclass(frozen=True, slots=True)
class Day:
    date: dt.date
    items: list[Item] = field(default_factory=list)


def days(entries: Iterable[Entry]) -> list[Day]:
    """In the order given, newest first, under the days of the current time zone."""
    items = [_item(entry) for entry in entries]
    return [Day(date, list(group)) for date, group in groupby(items, key=lambda item: localdate(item.at))]


def _item(entry: Entry) -> Item:
    match entry:
        case SessionEntry():
            key = f"session-{entry.session.id}"
            return Visit(key, entry.at, entry, [_line(event) for event in entry.events])
        case EventEntry():
            return _line(entry.event)
        case LinkEntry():
            return Joined(f"link-{entry.id}", entry.at, entry)


def _line(event: TimelineEvent) -> Line:
    details = event.details
    heard = said(event, details)
    shown = [] if heard else facts(event.event, details)
    return Line(
        f"event-{event.sequence}",
        event.timestamp,
        event.event,
        sentence(event, details),
        heard,
        changes(event.changes),
        shown,
    )
