"""What to paste so that a project gets its first events: a tag for a website, and commands."""

import json
import shlex
from dataclasses import dataclass

from projects.keys import newest_write_key
from projects.models import Project


@dataclass(frozen=True, slots=True)
class Snippet:
    """`name` becomes part of the HTML id."""

    name: str
    title: str
    text: str


ANA: dict[str, object] = {"userId": "ana"}
TRAITS = {"name": "Ana", "email": "ana@example.com"}
EXAMPLES: tuple[tuple[str, str, str, dict[str, object]], ...] = (
    ("identify", "Identify a person", "v1/identify", {"traits": TRAITS}),
    ("track", "Track an event", "v1/track", {"event": "signup", "properties": {"plan": "free"}}),
    (
        "comment",
        "Leave a comment",
        "v1/comments",
        {"reaction": "confusing", "text": "Where do I invite Bo?"},
    ),
)


def script_tag(project: Project, host: str) -> Snippet:
    """`host` is the URL of this installation, with a trailing slash."""
    key = newest_write_key(project) or "YOUR_WRITE_KEY"
    return Snippet("tag", "HTML", f'<script async src="{host}fh.js" data-key="{key}"></script>')


def curl(project: Project, host: str) -> list[Snippet]:
    """`host` is the URL of this installation, with a trailing slash."""
    key = newest_write_key(project) or "YOUR_WRITE_KEY"
    return [
        Snippet(
            name,
            title,
            f"curl -u {key}: {shlex.quote(host + path)} \\\n  -d {shlex.quote(json.dumps(ANA | body))}",
        )
        for name, title, path, body in EXAMPLES
    ]
