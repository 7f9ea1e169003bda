"""Incremental reading of append-only rows: each row is returned exactly once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from msgspec import Struct

from api import cursor, places
from projects.models import Project

Row = TypeVar("Row", bound=Struct)


class AppendOnlyPlace(places.ProjectPlace, frozen=True):
    """After the row with this number."""

    number: cursor.Number


class AppendOnlySource(ABC, Generic[Row]):
    """A project's rows after a position, up to the newest row at the time of the request.

    Without that end, a stream would not finish while rows arrive faster than they are read.
    """

    kind: ClassVar[type[AppendOnlyPlace]]

    def __init__(self, project: Project, since: str | None) -> None:
        self.project = project
        self.after = 0 if since is None else places.read("since", since, self.kind, project).number
        # Never behind the given cursor: the next one would go back and return rows twice.
        self.upto = max(self.newest(), self.after)
        self.more = True

    @abstractmethod
    def newest(self) -> int:
        """The newest number. No row with a lower one may appear later."""

    @abstractmethod
    def read(self, limit: int) -> tuple[Sequence[tuple[int, Row]], bool]:
        """The next rows with numbers above `after` and up to `upto`, and whether there may be more."""

    def take(self, limit: int) -> list[Row]:
        found, self.more = self.read(limit)
        # At the end continue from `upto`: from the last match, every poll would scan the rows after it again.
        self.after = found[-1][0] if self.more else self.upto
        return [row for _, row in found]

    @property
    def place(self) -> str:
        return cursor.write(self.kind(self.after, project=self.project.pk))

    @property
    def end(self) -> str:
        return cursor.write(self.kind(self.upto, project=self.project.pk))
