"""Publishing changes, and the tokens with which pages ask for them.

A topic is one person's page (`project/person`) or anything in a project (`project`).
"""

import time
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from django.core import signing
from django.db import connection

CHANNEL = "firsthand_changes"
EVERYONE = "*"
"""Instead of person ids: any page of the project may have changed."""

TOKEN_SECONDS = 24 * 60 * 60
MAX_PEOPLE = 350
"""Ids in one notification. PostgreSQL limits its payload to 8,000 bytes, and an id has up to 19 digits."""

MAX_TOKEN = 200
"""Characters. Longer ones are forged, and would only fill the cache."""

_signer = signing.TimestampSigner(salt="dashboard.live")


def publish(project_id: int, people: Collection[int] | None = None) -> None:
    """Tell open pages about a change, when the caller's transaction commits. None: any person may have changed."""
    listed = EVERYONE if people is None or len(people) > MAX_PEOPLE else ",".join(map(str, sorted(people)))
    with connection.cursor() as cursor:
        # The transaction's id names the change: a page may ask any web process, so all must use the same name.
        cursor.execute(
            "SELECT pg_notify(%s, concat_ws(' ', pg_current_xact_id(), %s::bigint, %s::text))",
            [CHANNEL, project_id, listed],
        )


def token(project_id: int, person_id: int | None = None) -> str:
    """The signed topic of a page, valid for a day. It only tells when something changes, never what."""
    return _signer.sign(str(project_id) if person_id is None else f"{project_id}/{person_id}")


def topic(token: str) -> str | None:
    """The topic of a token; None if it is forged or expired."""
    read = _verified(token) if len(token) <= MAX_TOKEN else None
    return read.topic if read and time.time() - read.signed_at < TOKEN_SECONDS else None


class _SignedTopic(NamedTuple):
    topic: str
    signed_at: int


# Cached: a page asks with the same token twice a second, and verifying it takes longer than everything else.
@lru_cache(maxsize=4096)
def _verified(token: str) -> _SignedTopic | None:
    try:
        topic = _signer.unsign(token)
    except signing.BadSignature:
        return None
    return _SignedTopic(topic, signing.b62_decode(token.split(":")[1]))
