"""Walking through rows that are only ever added, in an order that never changes: each comes exactly once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct

from api import cursor, places
from projects.models import Project

Row = TypeVar("Row", bound=Struct)


class GrowingPlace(places.ProjectPlace, frozen=True):
    """After the row with this number."""

    number: cursor.Number


class Growing(ABC, Generic[Row]):
    """A project's rows after a place, up to the one that was newest when the request came."""

    kind: ClassVar[type[GrowingPlace]]

    def __init__(self, project: Project, since: str | None) -> None:
        self.project = project
        self.after = 0 if since is None else places.read("since", since, self.kind, project).number
        self.upto = max(self.newest(), self.after)
        self.more = True

    @abstractmethod
    def newest(self) -> int:
        """The greatest number by now; none below it is yet to come."""

    @abstractmethod
    def read(self, limit: int) -> Sequence[tuple[int, Row]]:
        """The next rows with their numbers, beyond `after` and up to `upto`; fewer only when there are no more."""

    def take(self, limit: int) -> list[Row]:
        found = self.read(limit)
        self.more = len(found) == limit
        self.after = found[-1][0] if self.more else self.upto
        return [row for _, row in found]

    @property
    def place(self) -> str:
        return cursor.write(self.kind(self.after, project=self.project.pk))

    @property
    def end(self) -> str:
        return cursor.write(self.kind(self.upto, project=self.project.pk))
