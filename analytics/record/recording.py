"""Events that other apps record, in the transaction of the row that they are about."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import connection

from analytics.enrich.agents import Agent, agent
from analytics.ingest.accept import OLDEST
from analytics.ingest.wire.event import MAX_AHEAD
from analytics.ingest.wire.urls import parse_url
from analytics.schema import INBOX, names

# `recorded`: enrich counts it as received. Counting it here would lock a row of the ledger until the caller commits,
# and ingest would wait for it.
INSERT = 'INSERT INTO analytics_inbox (recorded, "{}") VALUES (true, {})'.format(  # noqa: S608 (names from schema.py)
    '", "'.join(names(INBOX)), ", ".join(f"%({name})s" for name in names(INBOX))
)


PROVED = 2
"""The `user_known` of a user id that an identity token or a secret key proves."""


class EventColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of an event (schema.py) apart from its name and properties; "" means unknown.

    id              the deduplication key
    user_known      1 if `distinct_id` is a user id, 2 if that is proved
    device_id       the browser's or app's own id, without a client_session
    client_session  the client's own session id
    user_agent, ip  replaced by browser, system, device and country when enriched
    """

    project_id: int
    id: uuid.UUID
    distinct_id: str
    timestamp: dt.datetime
    received_at: dt.datetime = msgspec.field(default_factory=lambda: dt.datetime.now(dt.UTC))
    user_known: int = 0
    client_session: str = ""
    device_id: str = ""
    url: str = ""
    path: str = ""
    title: str = ""
    referrer: str = ""
    referring_domain: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    locale: str = ""
    library: str = ""
    user_agent: str = ""
    ip: str = ""

    @property
    def agent(self) -> Agent | None:
        """Browser, system and device type; None without a user agent."""
        return agent(self.user_agent) if self.user_agent else None


def record(event: str, columns: EventColumns, properties: Mapping[str, Any], *, identifies: str = "") -> None:
    """Insert an event into the inbox, in the caller's transaction.

    identifies   an anonymous id that becomes one person with the event's, as by identify

    Raises TypeError if `properties` cannot be encoded as JSON, and ValueError if the event is from before the year 2000
    or from the future: load and rollup could not process every such time.
    """
    if not OLDEST <= columns.timestamp <= dt.datetime.now(dt.UTC) + MAX_AHEAD:
        raise ValueError(f"an event cannot be from {columns.timestamp}")
    row: dict[str, Any] = dict.fromkeys(names(INBOX))
    row |= {name: None if value == "" else value for name, value in msgspec.structs.asdict(columns).items()}
    row |= {"event": event, "user_known": int(columns.user_known), "personless": 0}
    if identifies:
        row |= {"link": "identify", "linked_id": identifies}
    row |= {"path": columns.path or parse_url(columns.url).path or None}
    row |= {"properties": msgspec.json.encode(dict(properties)).decode()}
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row)
