"""What one person did, as the calls that their browser would have sent."""

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
    wire: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One comment: what, by whom, where, when."""

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
    """One person's calls and comments in the making: time moves on with each of them."""

    def __init__(self, who: Character) -> None:
        self.who = who
        self.calls: list[Call] = []
        self.said: list[Said] = []
        self.dice: random.Random = who.rng("diary")
        self.at = who.arrives
        self._browser = who.laptop
        self.signed_in = False
        self._known_on: set[str] = set()
        self._session = ""
        self._source = Source()
        self._page = {"url": SITE + "/", "path": "/", "title": "Quill"}

    def open(self, at: dt.datetime, browser: Browser, source: Source | None = None) -> None:
        """A new session begins; a link that somebody followed is in its first page only."""
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
        """From here on this browser knows who uses it."""
        self._known_on.add(self._browser.anonymous_id)
        self.signed_in = True
        self._write("identify", traits={"name": self.who.name, "email": self.who.email})

    def say(self, reaction: str) -> None:
        """Their words come later: the story sees to it that few say the same."""
        self._pause()
        speaker = self.who.user_id if self.signed_in else self._browser.anonymous_id
        message, page = self._id("comment"), self._page["url"]
        known, locale = self.signed_in, self.who.locale
        self.said.append(Said(message, speaker, known, reaction, "", self.at, page, self._session, locale))

    def close(self, until: dt.datetime) -> None:
        """Strike every session that was not over by then: half of one could show one person as two."""
        unfinished = {call.session for call in self.calls if call.at > until}
        unfinished |= {said.session for said in self.said if said.created_at > until}
        self.calls = [call for call in self.calls if call.session not in unfinished]
        self.said = [said for said in self.said if said.session not in unfinished]

    def _write(self, kind: str, **fields: Any) -> None:
        self._pause()
        wire = {
            "type": kind,
            "messageId": str(self._id(kind)),
            "anonymousId": self._browser.anonymous_id,
            **fields,
        }
        if self.signed_in:
            wire["userId"] = self.who.user_id
        self.calls.append(
            Call(self.at, self._session, wire | {"timestamp": self.at, "context": self._context()})
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
        self.at += dt.timedelta(seconds=2 + self.dice.expovariate(1 / 40))

    def _id(self, kind: str) -> uuid.UUID:
        """Of the place in the diary, so that the same story has the same ids."""
        return uuid.uuid5(self.who.namespace, f"{kind}/{len(self.calls)}/{len(self.said)}")
