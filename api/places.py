"""Reading cursors from parameters: they must belong to this list and this project."""

from typing import TypeVar

from api import cursor
from api.problems import BadParameterError
from projects.models import Project


class ProjectPlace(cursor.Place, frozen=True, kw_only=True):
    """Base of positions in a project's list. `project` is 0 in cursors of older versions, which lack it."""

    project: cursor.Number = 0


P = TypeVar("P", bound=cursor.Place)


def read(where: str, text: str, kind: type[P], project: Project) -> P:
    """The position in the parameter `where`. Raises BadParameterError."""
    try:
        place = cursor.read(text, kind)
    except cursor.CursorError as error:
        raise BadParameterError(where, str(error)) from error
    # Projects share sequences, so a cursor of another project would silently skip rows.
    if isinstance(place, ProjectPlace) and place.project not in {0, project.pk}:
        raise BadParameterError(
            where, "this cursor belongs to another project; leave it out to start at the beginning"
        )
    return place
