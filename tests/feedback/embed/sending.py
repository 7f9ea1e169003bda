"""A visitor's browser, as far as POST /v1/comments can see it."""

import base64
from typing import Any

import msgspec
from django.http import HttpResponse
from django.test import Client

from tests.people import Team

SAID = {"userId": "ana", "reaction": "useful", "text": "The search finds everything."}


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def send(team: Team, body: object = None, *, key: str | None = None, **headers: str) -> HttpResponse:
    """POST `body` (bytes as they are, anything else as JSON) with the project's write key."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(SAID if body is None else body)
    headers = {"Authorization": basic(team.write_key if key is None else key)} | headers
    response = browser().post("/v1/comments", raw, content_type="text/plain", headers=headers)
    assert isinstance(response, HttpResponse)
    return response


def browser() -> Client:
    return Client(enforce_csrf_checks=True, raise_request_exception=True)


def decoded(response: HttpResponse) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(response.content)
    return answer
