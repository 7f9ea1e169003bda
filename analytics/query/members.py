"""The people behind a figure, from the same expression that counts it."""

import ibis
import msgspec
from ibis.expr import types as ir
from msgspec import Struct

from analytics import versions
from analytics.insights.questions import REMEDIES, Question, check_texts, refusal
from analytics.query import admission, persons
from analytics.query.persons import PersonRef
from analytics.query.plan import Plan, plan, reading
from api import cursor
from projects.models import Project

MOST = 1_000


class PeoplePage(Struct, frozen=True):
    """A page of the people behind a figure. `count` equals the figure, `next` is an opaque cursor."""

    people: list[PersonRef]
    count: int
    next: str | None


class FigurePlace(cursor.Place, tag="figure", frozen=True):
    """After this person in the list of `count` people at this data version."""

    version: cursor.Number
    person: cursor.Number
    count: cursor.Number


def people(
    project: Project, question: Question, point: object, *, limit: int = 100, after: str | None = None
) -> PeoplePage:
    """One page of the people behind a figure, by ID. `point` names the figure as in the API.

    All pages use the data version of the first one. Raises QueryError for an unknown point, and cursor.CursorError
    for an invalid or expired `after`.
    """
    place = cursor.read(after, FigurePlace) if after else None
    planned = plan(project, question)
    asked = _point(planned, point)
    version = _version(project, place) if place else None
    size = max(1, min(limit, MOST))
    # All pages at one version: after a rollup in between, `count` would no longer match the list.

    def read() -> tuple[list[dict[str, int]], int]:
        with reading(planned, planned.place_of_people, version) as source:
            found = planned.kind.people(question, source, asked)
            page = _page(found, place.person if place else 0, size + 1)
            return source.run(page).to_pylist(), source.data_version

    rows, at = admission.queued(read)
    count = place.count if place else rows[0]["count"] if rows else 0
    page = [row["person_id"] for row in rows[:size]]
    more = cursor.write(FigurePlace(at, page[-1], count)) if len(rows) > size else None
    return PeoplePage(persons.refs(project.pk, page), count, more)


def _version(project: Project, place: FigurePlace) -> versions.Version:
    try:
        return versions.at(project.pk, place.version)
    except versions.VersionExpiredError as error:
        raise cursor.CursorError(f"{error}; leave `after` out to start the list again") from error


def _point(plan: Plan, point: object) -> Struct:
    try:
        check_texts("point", point)
        asked: Struct = msgspec.convert(point, plan.kind.point)
    except msgspec.ValidationError as error:
        raise refusal(error, REMEDIES, "point") from error
    return asked


def _page(found: ir.Table, after: int, limit: int) -> ir.Table:
    """The next `limit` people by ID, each with the total count."""
    # Counted before the filter: after it, `count` would only be of the people still to come.
    everyone = ibis.window()  # type: ignore[no-untyped-call] # Ibis declares no types for it
    counted = found.mutate(count=found.count().over(everyone))
    return counted.filter(counted["person_id"] > after).order_by("person_id").limit(limit)
