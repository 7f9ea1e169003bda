"""Who somebody is by now: persons that were merged away, and the ones that they turned out to be."""

from collections.abc import Iterable

from django.db import connection

FORMER = """
SELECT newest.person_id
FROM (
    SELECT DISTINCT ON (person_id) person_id, target_id
    FROM analytics_redirect
    WHERE person_id IN (SELECT person_id FROM analytics_redirect WHERE target_id = %(person)s)
    ORDER BY person_id, link_id DESC
) AS newest
WHERE newest.target_id = %(person)s
"""

CANONICAL = """
SELECT DISTINCT ON (person_id) person_id, target_id
FROM analytics_redirect
WHERE project_id = %(project)s AND person_id = ANY(%(persons)s)
ORDER BY person_id, link_id DESC
"""


def ids_of(person_id: int) -> list[int]:
    """The ids under which this person's events were stored: their own, and those of all who were merged into them."""
    with connection.cursor() as cursor:
        cursor.execute(FORMER, {"person": person_id})
        former = [row[0] for row in cursor.fetchall()]
    return sorted({person_id, *former})


def canonical(project_id: int, person_ids: Iterable[int]) -> dict[int, int]:
    """Merged-away ids among these, and who they are now; ids that are still themselves are left out."""
    with connection.cursor() as cursor:
        cursor.execute(CANONICAL, {"project": project_id, "persons": list(person_ids)})
        return {person: target for person, target in cursor.fetchall() if person != target}
