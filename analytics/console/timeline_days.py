"""A timeline for templates: entries by local day, each with a stable key for live.js."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from django.utils.timezone import localdate

from analytics.console.sentences import Change, Sentence, changes, facts, sentence
from analytics.query.comment_reader import TimelineComment
from analytics.query.timeline import Entry, EventEntry, LinkEntry, SessionEntry, TimelineEvent
from analytics.schema import RESERVED_EVENTS


@dataclass(frozen=True, slots=True)
class Line:
    """An event with its comment, the facts it changed, and its properties."""

    key: str
    at: dt.datetime
    name: str
    sentence: Sentence
    comment: TimelineComment | None
    changes: list[Change]
    facts: list[tuple[str, str]]
    kind: str = "line"


@dataclass(frozen=True, slots=True)
class Visit:
    """A session. `hidden` is the number of its events that are not in `lines`."""

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
    def comments(self) -> list[TimelineComment]:
        return [line.comment for line in self.lines if line.comment]


@dataclass(frozen=True, slots=True)
class Joined:
    """An identity link: a merge, a refused merge or an undone one."""

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
    """Entries (newest first) grouped by day in the current time zone."""
    items = [_item(entry) for entry in entries]
    return [Day(date, list(group)) for date, group in groupby(items, key=lambda item: localdate(item.at))]


def _item(entry: Entry) -> Item:
    match entry:
        case SessionEntry():
            return Visit(f"session-{entry.session.id}", entry.at, entry, _lines(entry.events, entry.comments))
        case EventEntry():
            [line] = _lines([entry.event], entry.comments)
            return line
        case LinkEntry():
            return Joined(f"link-{entry.id}", entry.at, entry)


def _lines(events: list[TimelineEvent], comments: list[TimelineComment] | None) -> list[Line]:
    by_id = {comment.id: comment for comment in comments or ()}
    return [_line(event, by_id.get(event.comment) if event.comment else None) for event in events]


def _line(event: TimelineEvent, comment: TimelineComment | None) -> Line:
    details = event.details
    # A $comment event only holds an ID. Its text comes from the comment, so that deleted text is not shown.
    shown = [] if event.event in RESERVED_EVENTS else facts(event.event, details)
    key = f"event-{event.sequence}"
    return Line(
        key, event.timestamp, event.event, sentence(event, details), comment, changes(event.changes), shown
    )
