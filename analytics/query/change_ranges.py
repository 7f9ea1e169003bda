"""Which people and sessions something happened to in a stretch of a project's history, a page at a time.

The engine and PostgreSQL sort and cut: a page costs the same memory however many have changed.
"""

from typing import Literal

from django.db import connection
from msgspec import Struct, structs

from analytics.identity import redirects
from analytics.query import archive, events
from analytics.statements import statement
from projects.models import Project

Kind = Literal["people", "sessions"]

COLUMN: dict[Kind, str] = {"people": "person_id", "sessions": "session_id"}

EVENTS, LINKS = 20_000, 2_000
"""The length of a stretch, which PostgreSQL looks through for each page: 30 ms where everybody in it differs."""


class Stretch(Struct, frozen=True):
    """Events with `after` < sequence <= `upto`, and links with `after_link` < id <= `upto_link`."""

    after: int
    upto: int
    after_link: int
    upto_link: int


def now(*, after: int, after_link: int) -> Stretch:
    """All that happened since, up to now. Both orders only grow at their ends."""
    newest, link = events.newest(), redirects.newest_link()
    return Stretch(after, max(newest, after), after_link, max(link, after_link))


def first(whole: Stretch) -> Stretch:
    """The part of it that pages are taken from first.

    What only the lake has is one piece: it keeps no order of sequences, and looks through all for any stretch.
    """
    length = EVENTS if events.is_hot(whole.after) else whole.upto
    return structs.replace(
        whole,
        upto=min(whole.upto, whole.after + length),
        upto_link=min(whole.upto_link, whole.after_link + LINKS),
    )


def changed(project: Project, kind: Kind, within: Stretch, *, beyond: int, limit: int) -> list[int]:
    """The next ids of those that changed, in order; fewer than `limit` only when there are no more."""
    asked = {"project": project.pk, "beyond": beyond, "limit": limit, **structs.asdict(within)}
    with connection.cursor() as database:
        database.execute(statement(f"query/changed_{kind}"), asked)
        found = [id for (id,) in database.fetchall()]
    # Asked after reading: had a day's partition been dropped meanwhile, `found` would lack its events.
    if within.after == within.upto or events.is_hot(within.after):
        return found
    stored = archive.changed(
        project.pk, COLUMN[kind], after=within.after, upto=within.upto, beyond=beyond, limit=limit
    )
    return sorted({*found, *stored})[:limit]
