"""A browser at the visitors' door: it has a secret, and perhaps somebody signed in."""

import base64
import datetime as dt
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import msgspec

from analytics.ingest.local import LocalIngest
from projects import keys
from projects.models import IdentitySecret, Key
from tests.feedback.embed.sending import basic
from tests.people import Team


def secret_of(team: Team) -> IdentitySecret:
    return IdentitySecret.objects.filter(project=team.id, revoked_at=None).order_by("pk")[0]


def token(
    team: Team,
    user: object = "ana",
    *,
    secret: IdentitySecret | None = None,
    hours: float = 1,
    headers: Mapping[str, Any] | None = None,
    algorithm: str = "HS256",
    **claims: Any,
) -> str:
    """What the product's server signs for a user."""
    signer = secret or secret_of(team)
    expires = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
    payload = {"sub": user, "exp": expires} | claims
    payload = {name: value for name, value in payload.items() if value is not None}
    shown = {"kid": signer.kid} | dict(headers or {})
    shown = {name: value for name, value in shown.items() if value is not None}
    return jwt.encode(payload, signer.secret, algorithm=algorithm, headers=shown)


def browser_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def refresh(team: Team, door: LocalIngest) -> None:
    """Let ingest read keys and secrets again, which it does every two seconds, and for each key that is new to it."""
    new = keys.create(team.new.project, Key.Kind.WRITE).text
    # Of nobody, so that it is refused and makes no person.
    assert door.post("/v1/track", {"event": "refreshed"}, key=new).status_code == 200


@dataclass
class Visitor:
    """Sends to one project. `token` is that of whoever is signed in."""

    team: Team
    door: LocalIngest
    token: str = ""
    secret: str = field(default_factory=browser_secret)
    key: str = ""

    def request(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        given = {"authorization": basic(self.key or self.team.write_key)}
        given |= {"firsthand-identity": self.token} if self.token else {}
        given |= {"firsthand-browser": self.secret} if self.secret else {}
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        return self.door.request(method, f"/v1/{path}", content=raw, headers=given | headers)

    def say(self, text: str = "Where is the export?", **more: Any) -> dict[str, Any]:
        response = self.request("POST", "comments", {"messageId": str(uuid.uuid4()), "text": text} | more)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def reply(self, thread: str, text: str, **more: Any) -> httpx.Response:
        body = {"messageId": str(uuid.uuid4()), "text": text} | more
        return self.request("POST", f"threads/{thread}/messages", body)

    def threads(self) -> list[dict[str, Any]]:
        response = self.request("GET", "threads")
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["threads"]
        return found
