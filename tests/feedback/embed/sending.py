"""A visitor's browser, as far as POST /v1/comments can see it."""

import base64
from typing import Any

import httpx
import msgspec

from analytics.ingest.local import LocalIngest
from analytics.ingest.rates import Rates
from analytics.record.visitors import visitor_routes
from feedback.embed.endpoints import ENDPOINTS
from tests.people import Team

SAID = {"userId": "ana", "reaction": "useful", "text": "The search finds everything."}


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def front(rates: Rates | None = None) -> LocalIngest:
    """Ingest with the visitors' endpoints, as in config/asgi.py."""
    return LocalIngest(extra_routes=visitor_routes(ENDPOINTS), rates=rates)


def send(
    team: Team,
    body: object = None,
    *,
    key: str | None = None,
    through: LocalIngest | None = None,
    path: str = "/v1/comments",
    **headers: str,
) -> httpx.Response:
    """POST `body` (bytes as they are, anything else as JSON) with the project's write key."""
    if through is None:
        with front() as own:
            return send(team, body, key=key, through=own, path=path, **headers)
    raw = body if isinstance(body, bytes) else msgspec.json.encode(SAID if body is None else body)
    given = {
        "Authorization": basic(team.write_key if key is None else key),
        "Content-Type": "text/plain",
    }
    return through.request(
        "POST",
        path,
        content=raw,
        headers=[(name, value.encode("latin-1")) for name, value in (given | headers).items()],
    )


def decoded(response: httpx.Response) -> dict[str, Any]:
    answer: dict[str, Any] = response.json()
    return answer
