"""Walking through rows that change: first all of them by id, later only those that something happened to.

What happens to people and sessions are events and links between ids, and both have an order that never changes. So a
cursor holds how far in these orders the reader knows everything: whoever an event or a link beyond it is about has to
be read again. Nothing is missed, however late the event arrived and however old it is; a row may come twice.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct, structs

from analytics.identity import redirects
from analytics.query import events
from api import cursor, places
from projects.models import Project

Row = TypeVar("Row", bound=Struct)


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

    def __init__(self, project: Project, since: str | None) -> None:
        self.project = project
        self.at = self._begun(since)
        self.more = True
        self._ids: list[int] | None = None

    @abstractmethod
    def after(self, id: int, limit: int) -> list[int]:
        """The ids of the next of all rows, fewer only when there are no more."""

    @abstractmethod
    def changed(self) -> list[int]:
        """The ids of all rows to which something happened in the stretches of `at`, in order."""

    @abstractmethod
    def read(self, ids: list[int]) -> list[Row]:
        """These rows as they are by now; one that is no more is left out."""

    def take(self, limit: int) -> list[Row]:
        ids = self.after(self.at.id, limit) if self.at.known == 0 else self._next_changed(limit)
        self.more = len(ids) == limit
        self.at = structs.replace(self.at, id=ids[-1]) if self.more else self._finished()
        return self.read(ids)

    @property
    def place(self) -> str:
        return cursor.write(self.at)

    @property
    def end(self) -> str:
        return cursor.write(self._finished())

    def _begun(self, since: str | None) -> ListPlace:
        here = self.project.pk
        at = (
            self.kind(0, 0, 0, project=here)
            if since is None
            else places.read("since", since, self.kind, self.project)
        )
        if at.upto:
            return at
        link = max(redirects.newest_link(), at.known_link)
        upto = max(events.newest(), at.known)
        return self.kind(at.known, upto, 0, at.known_link, link, project=here)

    def _next_changed(self, limit: int) -> list[int]:
        if self._ids is None:
            self._ids = self.changed()
        return [id for id in self._ids if id > self.at.id][:limit]

    def _finished(self) -> ListPlace:
        return self.kind(self.at.upto, 0, 0, self.at.upto_link, project=self.project.pk)
