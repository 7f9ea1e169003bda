"""The list of event columns. COPY lists, PostgreSQL tables, Arrow and Delta schemas all derive from it.

Standard library only, because ingest imports it without Django. tests/contract compares it with the database.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """The stage that computes a column."""

    INGEST = "ingest"
    ENRICH = "enrich"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its PostgreSQL type and its Arrow type (in pyarrow's spelling)."""

    name: str
    postgres: str
    arrow: str
    source: Source
    nullable: bool = False


ARROW = {
    "integer": "int32",
    "bigint": "int64",
    # Delta has no type for UUIDs, and as text they would take 36 bytes instead of 16.
    "uuid": "binary",
    "text": "string",
    "timestamp with time zone": "timestamp[us, tz=UTC]",
}


def _column(name: str, postgres: str, source: Source = Source.INGEST, *, nullable: bool = False) -> Column:
    return Column(name, postgres, ARROW[postgres], source, nullable)


EVENT: tuple[Column, ...] = (
    _column("sequence", "bigint", Source.ENRICH),
    _column("project_id", "integer"),
    _column("id", "uuid"),
    _column("event", "text"),
    _column("timestamp", "timestamp with time zone"),
    _column("received_at", "timestamp with time zone"),
    _column("distinct_id", "text"),
    _column("person_id", "bigint", Source.ENRICH, nullable=True),
    _column("session_id", "bigint", Source.ENRICH, nullable=True),
    _column("url", "text", nullable=True),
    _column("path", "text", nullable=True),
    _column("title", "text", nullable=True),
    _column("referrer", "text", nullable=True),
    _column("referring_domain", "text", nullable=True),
    _column("utm_source", "text", nullable=True),
    _column("utm_medium", "text", nullable=True),
    _column("utm_campaign", "text", nullable=True),
    _column("utm_term", "text", nullable=True),
    _column("utm_content", "text", nullable=True),
    _column("browser", "text", Source.ENRICH, nullable=True),
    _column("os", "text", Source.ENRICH, nullable=True),
    _column("device", "text", Source.ENRICH, nullable=True),
    _column("country", "text", Source.ENRICH, nullable=True),
    _column("locale", "text", nullable=True),
    _column("library", "text", nullable=True),
    _column("properties", "text"),
)
"""An event as stored and exported. `properties` is the JSON text of one object, checked on arrival.

person_id is null for an event that nobody did: one that was sent without a person, under an id that nobody is known by.
"""

INBOX_ONLY: tuple[Column, ...] = (
    _column("link", "text", nullable=True),
    _column("linked_id", "text", nullable=True),
    _column("user_known", "integer"),
    _column("client_session", "text", nullable=True),
    _column("user_agent", "text", nullable=True),
    _column("ip", "text", nullable=True),
    _column("person_set", "text", nullable=True),
    _column("person_set_once", "text", nullable=True),
    _column("personless", "integer"),
    _column("device_id", "text", nullable=True),
)
"""What enrich needs but does not store.

link             the event links linked_id and distinct_id to one person: "identify", "alias", or PROVED_ALIAS if it
                 was sent with a secret key
linked_id        identify: the anonymous id; alias: the id used before
user_known       1 when distinct_id is a user id (Segment userId, $identify's target), so its person is identified; 2
                 when an identity token or a secret key proves it, so its person is verified
client_session   the client's own session id
user_agent, ip   turned into browser, os, device and country, then deleted
person_set...    JSON text of one object: properties of the person ($set, $set_once, traits)
personless       1 when the event makes no person: under an id that nobody is known by, it is nobody's
device_id        of events from a browser or an app without a session id: their own id, by which they form sessions
"""

INBOX: tuple[Column, ...] = tuple(column for column in EVENT if column.source is Source.INGEST) + INBOX_ONLY
"""The COPY list of analytics_inbox, in order. The database assigns `position`, the order of arrival."""

REACTIONS = ("useful", "confusing", "exciting", "forgettable")
COMMENT_EVENT, REPLY_EVENT, VERDICT_EVENT, ANSWER_EVENT = "$comment", "$reply", "$verdict", "$answer"
RESERVED_EVENTS = frozenset({COMMENT_EVENT, REPLY_EVENT, VERDICT_EVENT, ANSWER_EVENT, "$merge"})
"""Names that only Firsthand itself writes. From a client they would forge a comment or a decision."""

PAGEVIEW_EVENT = "$pageview"
IDENTIFY_EVENT = "$identify"

NO_PERSON = "no_person"
"""The ledger's reason for events that are stored without a person."""

PROVED_ALIAS = "proved alias"

NOBODY = frozenset({
    "anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email", "undefined", "true", "false",
    "[object object]", "nan", "none", "null", "(null)", "nil", "void", "unknown", "n/a", "-", "0", "",
    "00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "0" * 32,
})  # fmt: skip
"""Placeholder ids in lower case, which clients send when they have none. They never identify anyone."""

INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Unicode's categories of blanks, controls and formats, such as the zero-width space."""
# Unicode counts these as letters, marks and symbols, but they show nothing.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(0xFE00 + n) for n in range(16)}


def means_nobody(id: str) -> bool:
    """Whether this is a placeholder, in any case and with any blank or invisible characters in or around it."""
    # Nearly all ids are plain ASCII. Looking up each character takes 50 times as long.
    if not (id.isascii() and id.isprintable()):
        id = "".join(c for c in id if c not in BLANK and unicodedata.category(c) not in INVISIBLE)
    return id.strip().lower() in NOBODY


def names(columns: tuple[Column, ...]) -> list[str]:
    return [column.name for column in columns]
