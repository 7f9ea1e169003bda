"""Redirects: which person a merged person id stands for now."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import connection
from django.db.models import Max

from analytics.models import IdentityLink

# The newest redirect of each person is chosen first: an older one to these people no longer counts.
FORMER = """
SELECT newest.target_id, newest.person_id
FROM (
    SELECT DISTINCT ON (person_id) person_id, target_id
    FROM analytics_redirect
    WHERE person_id IN (SELECT person_id FROM analytics_redirect WHERE target_id = ANY(%(persons)s))
    ORDER BY person_id, link_id DESC
) AS newest
WHERE newest.target_id = ANY(%(persons)s) AND newest.target_id <> newest.person_id
ORDER BY newest.person_id
"""

# Undoing a merge appends a redirect to oneself, which is left out.
AS_OF = """
SELECT person_id, target_id
FROM (
    SELECT DISTINCT ON (person_id) person_id, target_id
    FROM analytics_redirect
    WHERE project_id = %(project)s AND link_id <= %(link)s
    ORDER BY person_id, link_id DESC
) AS newest
WHERE person_id <> target_id
ORDER BY person_id
"""

CANONICAL = """
SELECT DISTINCT ON (person_id) person_id, target_id
FROM analytics_redirect
WHERE project_id = %(project)s AND person_id = ANY(%(persons)s)
ORDER BY person_id, link_id DESC
"""


def former(person_ids: Iterable[int]) -> dict[int, list[int]]:
    """For each of these people, the ids currently merged into them."""
    found: dict[int, list[int]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(FORMER, {"persons": list(person_ids)})
        for target, person in cursor.fetchall():
            found[target].append(person)
    return found


def ids_of(person_id: int) -> list[int]:
    """The ids under which this person's events are stored: their own and those merged into them."""
    return [person_id, *former([person_id])[person_id]]


def current(project_id: int, person_id: int) -> int:
    """The current person for this id."""
    return canonical(project_id, [person_id]).get(person_id, person_id)


def everyone(project_id: int, person_id: int) -> list[int]:
    """The ids under which events of the current person for this id are stored."""
    return ids_of(current(project_id, person_id))


def as_of(project_id: int, link_id: int) -> list[tuple[int, int]]:
    """All (merged id, current id) as of a link, by id."""
    with connection.cursor() as cursor:
        cursor.execute(AS_OF, {"project": project_id, "link": link_id})
        return list(cursor.fetchall())


def newest_link() -> int:
    """The newest link of any project. Writers take turns, so no lower id can appear later."""
    return IdentityLink.objects.aggregate(newest=Max("id"))["newest"] or 0


def canonical(project_id: int, person_ids: Iterable[int]) -> dict[int, int]:
    """The merged ids among these, with their current person. Ids that are not merged are left out."""
    with connection.cursor() as cursor:
        cursor.execute(CANONICAL, {"project": project_id, "persons": list(person_ids)})
        return {person: target for person, target in cursor.fetchall() if person != target}
