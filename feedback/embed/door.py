"""Who may leave a comment: the bearer of a write key, from one of the project's origins."""

import base64
import binascii

from django.http import HttpRequest

from feedback.embed.refusal import Refusal
from projects import keys
from projects.models import Project


def project_for(request: HttpRequest, body_key: str | None) -> Project:
    """The project of the write key in the Authorization header (Basic or Bearer) or in the body. Raises Refusal."""
    text = _header_key(request) or body_key
    if not text:
        raise Refusal(
            401, "no write key; send it as the Basic user name, as Bearer, or as writeKey in the body"
        )
    key = keys.find_write_key(text)
    if key is None:
        raise Refusal(
            401, "no project has this write key; copy it from the project's settings", where="writeKey"
        )
    _check_origin(request, key.project)
    return key.project


def _header_key(request: HttpRequest) -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(
            401, "the Authorization header is not Basic base64(writeKey:)", where="Authorization"
        ) from None


def _check_origin(request: HttpRequest, project: Project) -> None:
    """A request without an Origin comes from no page, so there is nothing to compare."""
    origin = request.headers.get("Origin", "")
    allowed = {item.lower() for item in project.allowed_origins}
    if origin and allowed and origin.lower() not in allowed:
        message = (
            f"{origin[:100]} is not among the project's allowed origins; add it in the project's settings"
        )
        raise Refusal(403, message, where="Origin")
