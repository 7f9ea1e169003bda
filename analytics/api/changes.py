"""Walking through rows that change: first all of them by id, later only those that something happened to.

What happens to people and sessions are events and links between ids, and both have an order that never changes. So a
cursor holds how far in these orders the reader knows everything: whoever an event or a link beyond it is about has to
be read again. Nothing is missed, however late the event arrived and however old it is; a row may come twice.

What happened is walked through in stretches, and within a stretch by id, so that a page costs the same however much
has changed since the cursor.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct, structs

from analytics.query import stretches
from analytics.query.stretches import Stretch
from api import cursor, places
from projects.models import Project

Row = TypeVar("Row", bound=Struct)

LOOK = 1_000
"""Ids that are looked up at a time where a filter may leave out most of them."""


class ListPlace(places.ProjectPlace, frozen=True):
    """After the row `id` of those that changed from `known` to `upto`. `known` 0: of all rows; `upto` 0: not begun.

    `known` and `upto` are sequences of events, `known_link` and `upto_link` ids of links.
    """

    known: cursor.Number
    upto: cursor.Number
    id: cursor.Number
    known_link: cursor.Number = 0
    upto_link: cursor.Number = 0


class Changes(ABC, Generic[Row]):
    """One project's people or sessions, in order, that a reader with this cursor has yet to see."""

    kind: ClassVar[type[ListPlace]]
    rows: ClassVar[stretches.Kind]

    def __init__(self, project: Project, since: str | None) -> None:
        self.project = project
        at = self.kind(0, 0, 0) if since is None else places.read("since", since, self.kind, project)
        known = stretches.now(after=max(at.known, at.upto), after_link=max(at.known_link, at.upto_link))
        # A reading of all rows ends where it began, so that a long one comes to an end.
        of_all = at.known == 0 and at.upto > 0
        self._end = (at.upto, at.upto_link) if of_all else (known.upto, known.upto_link)
        self.at = structs.replace(at, project=project.pk) if at.upto else self._begin(at)
        self.more = True

    @abstractmethod
    def after(self, id: int, limit: int) -> list[int]:
        """The ids of the next of all rows, fewer only when there are no more."""

    @abstractmethod
    def matching(self, ids: list[int]) -> list[int]:
        """Those of these rows that the request asks for, in order."""

    @abstractmethod
    def read(self, ids: list[int]) -> list[Row]:
        """These rows as they are by now; one that is no more is left out."""

    def take(self, limit: int) -> list[Row]:
        ids = self._next(limit)
        while not ids and self.more:
            ids = self._next(limit)
        return self.read(ids)

    @property
    def place(self) -> str:
        return cursor.write(self.at)

    @property
    def end(self) -> str:
        upto, upto_link = self._end
        return cursor.write(self.kind(upto, 0, 0, upto_link, project=self.project.pk))

    def _next(self, limit: int) -> list[int]:
        """The next ids of the stretch; when it has no more, on to the following one."""
        find = self.after if self.at.known == 0 else self._changed
        ids = find(self.at.id, limit)
        if len(ids) == limit:
            self.at = structs.replace(self.at, id=ids[-1])
            return ids
        done = self.kind(self.at.upto, 0, 0, self.at.upto_link, project=self.project.pk)
        self.more = (done.known, done.known_link) != self._end
        self.at = self._begin(done) if self.more else done
        return ids

    def _begin(self, at: ListPlace) -> ListPlace:
        whole = Stretch(at.known, self._end[0], at.known_link, self._end[1])
        part = stretches.first(whole) if at.known else whole
        return self.kind(at.known, part.upto, 0, at.known_link, part.upto_link, project=self.project.pk)

    def _changed(self, beyond: int, limit: int) -> list[int]:
        """The next ids that changed in the stretch and match, fewer than `limit` only when there are no more."""
        within = Stretch(self.at.known, self.at.upto, self.at.known_link, self.at.upto_link)
        found: list[int] = []
        size = limit
        while True:
            ids = stretches.changed(self.project, self.rows, within, beyond=beyond, limit=size)
            found += self.matching(ids)
            if len(ids) < size or len(found) >= limit:
                return found[:limit]
            beyond, size = ids[-1], LOOK
