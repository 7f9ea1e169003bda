"""Checking identity tokens: JWTs signed with HS256 by one of a project's identity secrets."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import jwt
from jwt.types import Options

from analytics.ingest.wire.event import DropReason, Identity, text

HEADER = b"firsthand-identity"
ALGORITHM = "HS256"
MAX_TOKEN = 4_096
"""Characters of a token. Those of a sub, an email and a name take a few hundred."""

MAX_SECONDS = 24 * 60 * 60
CLOCK_SKEW = 60
"""Seconds by which the signing server's clock may be ahead. It never makes a token valid for longer."""

MAX_USER = 200
MAX_CLAIM = 254
# PyJWT lets the last three through: deeply nested JSON, an infinite `exp`, and surrogates.
UNREADABLE = (jwt.InvalidTokenError, RecursionError, OverflowError, ValueError)
OPTIONS: Options = {
    "require": ["exp", "sub"],
    "verify_aud": False,
    "verify_sub": False,
    "verify_iat": False,
    "verify_iss": False,
}


class ProjectIdentity(NamedTuple):
    """What tokens of a project are checked with: its slug and its live secrets by kid."""

    slug: str
    secrets: Mapping[str, str]


def verify(token: str, project: ProjectIdentity) -> Identity:
    """Whom the token proves, or its problem."""
    if len(token) > MAX_TOKEN:
        return Identity(problem=DropReason.IDENTITY_MALFORMED)
    try:
        head = jwt.get_unverified_header(token)
    except UNREADABLE:
        return Identity(problem=DropReason.IDENTITY_MALFORMED)
    # Before any secret is tried: the algorithm is ours to choose, never the token's.
    if head.get("alg") != ALGORITHM:
        return Identity(problem=DropReason.IDENTITY_ALGORITHM)
    kid = head.get("kid")
    if kid is not None and kid not in project.secrets:
        return Identity(problem=DropReason.IDENTITY_KID)
    return _signed_by_any(token, project, list(project.secrets) if kid is None else [kid])


def _signed_by_any(token: str, project: ProjectIdentity, kids: list[str]) -> Identity:
    for kid in kids:
        try:
            claims = jwt.decode(
                token, project.secrets[kid], algorithms=[ALGORITHM], options=OPTIONS, leeway=CLOCK_SKEW
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            return Identity(problem=DropReason.IDENTITY_EXPIRED)
        except UNREADABLE:
            return Identity(problem=DropReason.IDENTITY_MALFORMED)
        return _identity(claims, kid, project.slug)
    return Identity(problem=DropReason.IDENTITY_SIGNATURE)


def _identity(claims: dict[str, Any], kid: str, slug: str) -> Identity:
    user = _user(claims["sub"])
    if not user or isinstance(claims["exp"], bool):
        return Identity(problem=DropReason.IDENTITY_MALFORMED)
    left = float(claims["exp"]) - datetime.now(UTC).timestamp()
    # Without the leeway, which is for clocks that are ahead.
    if left <= 0:
        return Identity(problem=DropReason.IDENTITY_EXPIRED)
    if left > MAX_SECONDS + CLOCK_SKEW:
        return Identity(problem=DropReason.IDENTITY_LIFETIME)
    if "aud" in claims and slug not in _listed(claims["aud"]):
        return Identity(problem=DropReason.IDENTITY_AUDIENCE)
    return Identity(user, kid, _claim(claims, "email"), _claim(claims, "name"))


def _user(sub: object) -> str:
    """The user id. Numbers are ids too, as everywhere in ingest."""
    user = text(sub) if isinstance(sub, str | int) and not isinstance(sub, bool) else ""
    # Cut ids would be those of somebody else.
    return user if len(user) <= MAX_USER and user == _storable(user) and not user.isspace() else ""


def _listed(audience: object) -> list[object]:
    return audience if isinstance(audience, list) else [audience]


def _claim(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return _storable(value[:MAX_CLAIM]) if isinstance(value, str) else ""


def _storable(value: str) -> str:
    """Without what PostgreSQL does not store: NUL and lone surrogates."""
    return value.replace("\0", "").encode(errors="ignore").decode()
