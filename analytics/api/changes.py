"""Walking through rows that change: first all of them by id, later only those that something happened to.

What happens to people and sessions are events, and those have an order that never changes. So a cursor holds how far
in that order the reader knows everything: whoever an event beyond it belongs to has to be read again. Nothing is
missed, however late the event arrived and however old it is; a row may come twice.
"""

from collections.abc import Callable
from typing import Literal

from analytics.query import cursor, events
from projects.models import Project


class ListPlace(cursor.Place, frozen=True):
    """After the row `id` of those that changed from `known` to `upto`. `known` 0: of all rows; `upto` 0: not begun."""

    known: cursor.Number
    upto: cursor.Number
    id: cursor.Number


class Changes:
    """The ids of one project's people or sessions, in order, that a reader with this cursor has yet to see."""

    def __init__(
        self,
        project: Project,
        kind: type[ListPlace],
        column: Literal["person_id", "session_id"],
        since: str | None,
    ) -> None:
        self.project = project
        self.kind = kind
        self.column = column
        self.at = cursor.read(since, kind) if since is not None else kind(0, 0, 0)
        if self.at.upto == 0:
            self.at = kind(self.at.known, max(events.newest(), self.at.known), 0)
        self._changed: list[int] | None = None

    def take(
        self, after: Callable[[int, int], list[int]], among: Callable[[set[int]], list[int]], limit: int
    ) -> list[int]:
        """The next ids: `after` gives those of all rows beyond an id, `among` sorts out which of some are wanted."""
        ids = after(self.at.id, limit) if self.at.known == 0 else self._next_changed(among, limit)
        done = len(ids) < limit
        self.at = self._finished() if done else self.kind(self.at.known, self.at.upto, ids[-1])
        return ids

    def _next_changed(self, among: Callable[[set[int]], list[int]], limit: int) -> list[int]:
        if self._changed is None:
            touched = events.touched(self.project, self.column, after=self.at.known, upto=self.at.upto)
            self._changed = among(touched)
        return [id for id in self._changed if id > self.at.id][:limit]

    def _finished(self) -> ListPlace:
        return self.kind(self.at.upto, 0, 0)

    @property
    def place(self) -> str:
        return cursor.write(self.at)

    @property
    def end(self) -> str:
        return cursor.write(self._finished())
