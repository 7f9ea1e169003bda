"""People and sessions that changed in a range of a project's history, a page at a time.

The engine and PostgreSQL sort and limit, so a page needs the same memory, however many rows changed.
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
"""The length of a range. PostgreSQL scans it for each page: about 30 ms if every event has another person."""


class ChangeRange(Struct, frozen=True):
    """Events with `after` < sequence <= `upto`, and links with `after_link` < id <= `upto_link`."""

    after: int
    upto: int
    after_link: int
    upto_link: int


def now(*, after: int, after_link: int) -> ChangeRange:
    """Everything since these positions. Events and links are append-only, so it does not change later."""
    newest, link = events.newest(), redirects.newest_link()
    # A cursor may be ahead of a database that was restored from a backup: its range is empty, not reversed.
    return ChangeRange(after, max(newest, after), after_link, max(link, after_link))


def first(whole: ChangeRange) -> ChangeRange:
    """The first part of a range, small enough to be read for every page.

    A range that only the lake has is not split: the lake is not sorted by sequence and scans everything anyway.
    """
    length = EVENTS if events.is_hot(whole.after) else whole.upto
    return structs.replace(
        whole,
        upto=min(whole.upto, whole.after + length),
        upto_link=min(whole.upto_link, whole.after_link + LINKS),
    )


def sizes(project: Project, kind: Kind, ids: list[int]) -> list[int]:
    """Bytes of text that reading each of these takes. 0 for those that no longer exist."""
    with connection.cursor() as database:
        database.execute(statement(f"query/{kind}_sizes"), {"project": project.pk, "ids": ids})
        found = dict(database.fetchall())
    return [found.get(id, 0) for id in ids]


def changed(project: Project, kind: Kind, within: ChangeRange, *, beyond: int, limit: int) -> list[int]:
    """The next IDs that changed, in order. Fewer than `limit` only at the end."""
    asked = {"project": project.pk, "beyond": beyond, "limit": limit, **structs.asdict(within)}
    with connection.cursor() as database:
        database.execute(statement(f"query/changed_{kind}"), asked)
        found = [id for (id,) in database.fetchall()]
    # Check after reading: if a day's partition was dropped meanwhile, `found` lacks its events.
    if within.after == within.upto or events.is_hot(within.after):
        return found
    stored = archive.changed(
        project.pk, COLUMN[kind], after=within.after, upto=within.upto, beyond=beyond, limit=limit
    )
    # Each source returned its lowest IDs, so the lowest of both together are the next ones.
    return sorted({*found, *stored})[:limit]
