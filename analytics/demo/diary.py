"""What one person of the demo did, as the calls that their browser would have sent."""

import datetime as dt
import random
import uuid
from dataclasses import dataclass
from typing import Any

from analytics.demo.cast import Browser, Character, Source

SITE = "https://quill.example"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Segment's HTTP API, and when it was made."""

    at: dt.datetime
    session: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoComment:
    """One comment that somebody left."""

    message_id: uuid.UUID
    distinct_id: str
    user_known: bool
    reaction: str
    text: str
    created_at: dt.datetime
    url: str
    session: str
    locale: str


class Diary:
    """Collects one person's calls and comments. Each of them moves the clock forward."""

    def __init__(self, who: Character) -> None:
        self.who = who
        self.calls: list[Call] = []
        self.comments: list[DemoComment] = []
        self.rng: random.Random = who.rng("diary")
        self.at = who.arrives
        self._browser = who.laptop
        self.signed_in = False
        self._known_on: set[str] = set()
        self._session = ""
        self._source = Source()
        self._page = {"url": SITE + "/", "path": "/", "title": "Quill"}

    def open(self, at: dt.datetime, browser: Browser, source: Source | None = None) -> None:
        """Start a session. The source is on its first page only."""
        self.at, self._browser, self._source = at, browser, source or Source()
        self.signed_in = browser.anonymous_id in self._known_on
        self._session = str(self._id("session"))

    def page(self, path: str, title: str) -> None:
        self._page = {"url": SITE + path, "path": path, "title": title}
        if self._source.referrer:
            self._page["referrer"] = self._source.referrer
        self._write("page", properties={})
        self._source = Source()

    def track(self, event: str, **properties: Any) -> None:
        self._write("track", event=event, properties=properties)

    def identify(self) -> None:
        """Sign in. The browser stays signed in for later sessions."""
        self._known_on.add(self._browser.anonymous_id)
        self.signed_in = True
        self._write("identify", traits={"name": self.who.name, "email": self.who.email})

    def comment(self, reaction: str) -> None:
        """Leave a comment. Its text is filled in later (story.py), so that few people use the same one."""
        self._pause()
        speaker = self.who.user_id if self.signed_in else self._browser.anonymous_id
        message, page = self._id("comment"), self._page["url"]
        known, locale = self.signed_in, self.who.locale
        self.comments.append(
            DemoComment(message, speaker, known, reaction, "", self.at, page, self._session, locale)
        )

    def close(self, until: dt.datetime) -> None:
        """Remove unfinished sessions: one that is cut before the sign-in would look like another person."""
        unfinished = {call.session for call in self.calls if call.at > until}
        unfinished |= {comment.session for comment in self.comments if comment.created_at > until}
        self.calls = [call for call in self.calls if call.session not in unfinished]
        self.comments = [comment for comment in self.comments if comment.session not in unfinished]

    def _write(self, kind: str, **fields: Any) -> None:
        self._pause()
        payload = {
            "type": kind,
            "messageId": str(self._id(kind)),
            "anonymousId": self._browser.anonymous_id,
            **fields,
        }
        if self.signed_in:
            payload["userId"] = self.who.user_id
        self.calls.append(
            Call(self.at, self._session, payload | {"timestamp": self.at, "context": self._context()})
        )

    def _context(self) -> dict[str, Any]:
        campaign = {name: getattr(self._source, f"utm_{name}") for name in ("source", "medium", "campaign")}
        campaign["name"] = campaign.pop("campaign")
        return {
            "library": {"name": "analytics.js", "version": "2.1.0"},
            "userAgent": self._browser.user_agent,
            "page": dict(self._page),
            "locale": self.who.locale,
            "timezone": self.who.zone.key,
            "sessionId": self._session,
            "campaign": {name: value for name, value in campaign.items() if value},
        }

    def _pause(self) -> None:
        self.at += dt.timedelta(seconds=2 + self.rng.expovariate(1 / 40))

    def _id(self, kind: str) -> uuid.UUID:
        """A deterministic id, so that a second run of the same demo adds nothing."""
        return uuid.uuid5(self.who.namespace, f"{kind}/{len(self.calls)}/{len(self.comments)}")
