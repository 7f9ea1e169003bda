"""Events that other apps record, in the transaction of the row that they are about."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import connection

from analytics.enrich.agents import Agent, agent
from analytics.ingest.wire.urls import parse_url
from analytics.schema import INBOX, names

INSERT = 'INSERT INTO analytics_inbox ("{}") VALUES ({})'.format(  # noqa: S608 (names from schema.py)
    '", "'.join(names(INBOX)), ", ".join(f"%({name})s" for name in names(INBOX))
)

# 'UTC': in a session whose zone has half hours, date_trunc would begin hours at other moments than ingest does.
RECEIVED = """
INSERT INTO analytics_ledger (project_id, hour, outcome, reason, count)
VALUES (%(project_id)s, date_trunc('hour', %(received_at)s, 'UTC'), 'received', '', 1)
ON CONFLICT (project_id, hour, outcome, reason) DO UPDATE SET count = analytics_ledger.count + 1
"""


class EventColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of an event (schema.py) apart from its name and properties; "" means unknown.

    id              the deduplication key
    user_known      `distinct_id` is a user id
    client_session  the client's own session id
    user_agent, ip  replaced by browser, system, device and country when enriched
    """

    project_id: int
    id: uuid.UUID
    distinct_id: str
    timestamp: dt.datetime
    received_at: dt.datetime = msgspec.field(default_factory=lambda: dt.datetime.now(dt.UTC))
    user_known: bool = False
    client_session: str = ""
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


def record(event: str, columns: EventColumns, properties: Mapping[str, Any]) -> None:
    """Insert an event into the inbox and count it as received, in the caller's transaction.

    Raises TypeError if `properties` cannot be encoded as JSON.
    """
    row: dict[str, Any] = dict.fromkeys(names(INBOX))
    row |= {name: None if value == "" else value for name, value in msgspec.structs.asdict(columns).items()}
    row |= {"event": event, "user_known": int(columns.user_known)}
    row |= {"path": columns.path or parse_url(columns.url).path or None}
    row |= {"properties": msgspec.json.encode(dict(properties)).decode()}
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row)
        # Last, because other writers wait for this ledger row until the caller commits.
        cursor.execute(RECEIVED, row)
