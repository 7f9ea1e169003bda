"""Creating and finding keys."""

import hashlib
import secrets
from dataclasses import dataclass

from projects.models import Key, Project

READ = ("events:read", "people:read", "insights:read", "comments:read")
WRITE_PEOPLE = "people:write"
"""The scope that proves an alias, so that it merges two identified people (analytics.ingest)."""
PREFIX = {Key.Kind.WRITE: "fhw_", Key.Kind.API: "fhk_"}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key with its plain text, which for API keys is known only now."""

    key: Key
    text: str


def digest(text: str) -> str:
    # A slow, salted hash protects guessable passwords. A key is random: 256 bits (API) or 144 (write).
    return hashlib.sha256(text.encode()).hexdigest()


def create(project: Project, kind: Key.Kind, *, name: str = "", scopes: tuple[str, ...] = READ) -> NewKey:
    text = PREFIX[kind] + secrets.token_urlsafe(32 if kind == Key.Kind.API else 18)
    key = Key.objects.create(
        project=project,
        kind=kind,
        name=name,
        token=text if kind == Key.Kind.WRITE else "",
        digest=digest(text),
        hint=text[-4:],
        scopes=list(scopes) if kind == Key.Kind.API else [],
    )
    return NewKey(key, text)


def find_api_key(text: str) -> Key | None:
    """The live API key with this text, with its project. None for revoked, unknown and write keys."""
    live = Key.objects.filter(kind=Key.Kind.API, digest=digest(text), revoked_at=None)
    return live.select_related("project").first()


def find_write_key(text: str) -> Key | None:
    """The live write key with this text, with its project."""
    live = Key.objects.filter(kind=Key.Kind.WRITE, digest=digest(text), revoked_at=None)
    return live.select_related("project").first()


def newest_write_key(project: Project) -> str | None:
    """The text of the newest live write key, for snippets and for management commands that send events."""
    live = Key.objects.filter(project=project, kind=Key.Kind.WRITE, revoked_at=None)
    return live.order_by("-id").values_list("token", flat=True).first()
