"""Cursors as clients hand them back: of this list and of this project, or an answer that names the parameter."""

from typing import TypeVar

from api import cursor
from api.problems import BadParameterError
from projects.models import Project


class ProjectPlace(cursor.Place, frozen=True, kw_only=True):
    """Base of the places in a project's lists. `project` 0 is from before cursors said whose they are."""

    project: cursor.Number = 0


P = TypeVar("P", bound=cursor.Place)


def read(where: str, text: str, kind: type[P], project: Project) -> P:
    """The place that the parameter `where` names. Raises BadParameterError."""
    try:
        place = cursor.read(text, kind)
    except cursor.CursorError as error:
        raise BadParameterError(where, str(error)) from error
    if isinstance(place, ProjectPlace) and place.project not in {0, project.pk}:
        raise BadParameterError(where, "this cursor belongs to another project's list; leave it out to begin")
    return place
