"""The people behind a figure: the same expression that counts it, without the counting."""

from analytics.models import DataVersion
from analytics.query import answer_cache, counting, persons, plan, points
from analytics.query.results import PeoplePage
from analytics.query.spec import Query
from api import cursor
from projects.models import Project

MOST = 1_000


class FigurePlace(cursor.Place, tag="figure", frozen=True):
    """After this person, in the list as it was at this data version."""

    version: cursor.Number
    person: cursor.Number


def people(
    project: Project, query: Query, point: object, *, limit: int = 100, after: str | None = None
) -> PeoplePage:
    """One page of the people behind one figure, by id; `point` names the figure (see points.py).

    Later pages are of the data version of the first one. Raises QueryError for a point that the answer does not
    have, cursor.CursorError for an `after` that is no `next` of such a list.
    """
    place = cursor.read(after, FigurePlace) if after else None
    figure = points.figure(query, counting.window(project, query), point)
    version = DataVersion.objects.filter(pk=place.version).first() if place else None
    with counting.reading(project, query, counted_in(project, query), version) as reading:
        found = counting.members(query, reading, figure)
        ids = sorted(reading.tables.run(found).column("person_id").to_pylist())
        at = reading.version
    rest = [person for person in ids if place is None or person > place.person]
    page = rest[: max(1, min(limit, MOST))]
    more = cursor.write(FigurePlace(at, page[-1])) if len(rest) > len(page) else None
    return PeoplePage(persons.refs(project.pk, page), len(ids), more)


def counted_in(project: Project, query: Query) -> plan.Plan:
    """Where people are found: counts per period know no people, activity does."""
    chosen = plan.plan(query, recut=answer_cache.is_recut(project))
    return "activity" if chosen == "served" else chosen
