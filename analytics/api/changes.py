"""Incremental reading of rows that change: first all of them by ID, later only the changed ones.

People and sessions change through events and identity links. Both are append-only, so a cursor holds how far the
reader has followed them. Every row that a newer event or link is about is returned again. Late events are never
missed; a row may be returned twice.

Changes are read in ranges of events and links, and within a range by ID. So a page costs the same, however much has
changed since the cursor.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct, structs

from analytics.query import change_ranges
from analytics.query.change_ranges import ChangeRange
from api import cursor, places, portions
from projects.models import Project

Row = TypeVar("Row", bound=Struct)

FILTER_BATCH = 1_000
"""IDs per query when a filter leaves out most of them."""


class ListPlace(places.ProjectPlace, frozen=True):
    """After the row `id` of those that changed between `known` and `upto`.

    `known` and `upto` are sequences of events, `known_link` and `upto_link` IDs of links. `known` is 0 while all rows
    are read, `upto` is 0 before the first page.
    """

    known: cursor.Number
    upto: cursor.Number
    id: cursor.Number
    known_link: cursor.Number = 0
    upto_link: cursor.Number = 0


class Changes(ABC, Generic[Row]):
    """A project's people or sessions that changed after a cursor."""

    kind: ClassVar[type[ListPlace]]
    rows: ClassVar[change_ranges.Kind]

    def __init__(self, project: Project, since: str | None) -> None:
        self.project = project
        at = self.kind(0, 0, 0) if since is None else places.read("since", since, self.kind, project)
        # Read before the first row: what changes while rows are read is returned again, never missed.
        known = change_ranges.now(after=max(at.known, at.upto), after_link=max(at.known_link, at.upto_link))
        # The first reading of all rows ends where it started: with a moving end it might never finish.
        of_all = at.known == 0 and at.upto > 0
        self._end = (at.upto, at.upto_link) if of_all else (known.upto, known.upto_link)
        self.at = structs.replace(at, project=project.pk) if at.upto else self._begin(at)
        self.more = True

    @abstractmethod
    def after(self, id: int, limit: int) -> list[int]:
        """The IDs of the next rows of the whole list. Fewer than `limit` only at the end."""

    @abstractmethod
    def matching(self, ids: list[int]) -> list[int]:
        """The rows among these that match the request's filters, in order."""

    @abstractmethod
    def read(self, ids: list[int]) -> list[Row]:
        """These rows in their current state, or their tombstones."""

    def take(self, limit: int) -> list[Row]:
        ids = self._next(limit)
        while not ids and self.more:
            ids = self._next(limit)
        # Read last: rows are in their current state, whatever changed since their IDs were found.
        return self.read(ids)

    @property
    def place(self) -> str:
        return cursor.write(self.at)

    @property
    def end(self) -> str:
        upto, upto_link = self._end
        return cursor.write(self.kind(upto, 0, 0, upto_link, project=self.project.pk))

    def _next(self, limit: int) -> list[int]:
        """The next IDs of the range. At its end, continues with the following range."""
        find = self.after if self.at.known == 0 else self._changed
        ids = find(self.at.id, limit)
        fitting = portions.fitting(change_ranges.sizes(self.project, self.rows, ids))
        if len(ids) == limit or fitting < len(ids):
            self.at = structs.replace(self.at, id=ids[fitting - 1])
            return ids[:fitting]
        done = self.kind(self.at.upto, 0, 0, self.at.upto_link, project=self.project.pk)
        self.more = (done.known, done.known_link) != self._end
        self.at = self._begin(done) if self.more else done
        return ids

    def _begin(self, at: ListPlace) -> ListPlace:
        whole = ChangeRange(at.known, self._end[0], at.known_link, self._end[1])
        part = change_ranges.first(whole) if at.known else whole
        return self.kind(at.known, part.upto, 0, at.known_link, part.upto_link, project=self.project.pk)

    def _changed(self, beyond: int, limit: int) -> list[int]:
        """The next IDs that changed in the range and match. Fewer than `limit` only at its end."""
        within = ChangeRange(self.at.known, self.at.upto, self.at.known_link, self.at.upto_link)
        found: list[int] = []
        size = limit
        while True:
            ids = change_ranges.changed(self.project, self.rows, within, beyond=beyond, limit=size)
            found += self.matching(ids)
            if len(ids) < size or len(found) >= limit:
                return found[:limit]
            # Larger from the second query on: a filter that matches few would otherwise take thousands of queries for
            # a page.
            beyond, size = ids[-1], FILTER_BATCH
