"""How tests send events: over HTTP to ingest, then through the real pipeline.

journey = Journey(team)
journey.page("laptop", "/pricing", at=clock.day(0), known=False, session="s1")
journey.identify("ana", device="laptop", at=clock.day(0, minutes=2), traits={"name": "Ana"})
journey.track("ana", "signup", at=clock.day(0, minutes=3))
journey.through()
"""

import datetime as dt
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from analytics.enrich.batches import enrich
from analytics.enrich.enrich_report import EnrichReport
from analytics.ingest.local import LocalIngest
from config.home import layout
from tests import clock
from tests.people import Team

BATCH = 200
"""Calls per request, well within Segment's 500 KB."""

_open: list[LocalIngest] = []


@contextmanager
def ingest_for_all() -> Iterator[LocalIngest]:
    """One ingest for all journeys of this process. To start one takes longer than most journeys."""
    with LocalIngest() as ingest:
        _open.append(ingest)
        yield ingest
        _open.remove(ingest)


def shared_ingest() -> LocalIngest:
    (ingest,) = _open
    return ingest


def _await_empty_spool() -> None:
    """After a lost connection, ingest acknowledges from its spool and stores the events a moment later."""
    deadline = time.monotonic() + 60
    while any(layout.home().spool.glob("*.spool")):
        assert time.monotonic() < deadline, "ingest does not replay its spool"
        time.sleep(0.02)


class Journey:
    """What people of one project do, in the order in which it is sent. Nothing leaves before `send`.

    Everywhere `who` is a user id, or with `known=False` the id of a device whose user is not known; `device` is the
    anonymous id that a client sends beside its user id; `session` is the client's own session id; `id` the message
    id, for sending a message twice on purpose.
    """

    def __init__(self, team: Team) -> None:
        self.team = team
        self.calls: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []

    def track(
        self, who: str, event: str, *, at: dt.datetime = clock.D0, properties: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Self:  # fmt: skip
        return self._call("track", who, at, event=event, properties=dict(properties or {}), **more)

    def page(self, who: str, path: str = "/", *, at: dt.datetime = clock.D0, **more: Any) -> Self:
        url = f"https://shop.example{path}"
        return self._call("page", who, at, properties={"url": url, "path": path}, **more)

    def identify(
        self, who: str, *, at: dt.datetime = clock.D0, traits: Mapping[str, Any] | None = None, **more: Any
    ) -> Self:
        return self._call("identify", who, at, traits=dict(traits or {}), **more)

    def alias(self, who: str, previous: str, *, at: dt.datetime = clock.D0, **more: Any) -> Self:
        """`previous` and `who` are one person."""
        return self._call("alias", who, at, previousId=previous, **more)

    def _call(
        self, kind: str, who: str, at: dt.datetime, *, known: bool = True, device: str | None = None,
        session: str | None = None, id: uuid.UUID | str | None = None, context: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Self:  # fmt: skip
        ids = {"userId": who} if known else {"anonymousId": who}
        if device is not None:
            ids["anonymousId"] = device
        about = dict(context or {}) | ({"sessionId": session} if session else {})
        call = {
            "type": kind,
            "messageId": str(id or uuid.uuid4()),
            "timestamp": at.isoformat(),
            "context": about,
        }
        self.calls.append(call | ids | fields)
        return self

    def send(self, key: str | None = None) -> Self:
        """Post what was gathered, with the write key unless another is given; every request must be acknowledged."""
        calls, self.calls = self.calls, []
        self.sent += calls
        return self._post(calls, key)

    def send_again(self) -> Self:
        """Post everything again, like a client that did not get the response."""
        return self._post(self.sent)

    def _post(self, calls: list[dict[str, Any]], key: str | None = None) -> Self:
        ingest = shared_ingest()
        for start in range(0, len(calls), BATCH):
            batch = {"batch": calls[start : start + BATCH]}
            answer = ingest.post("/v1/batch", batch, key=key or self.team.write_key)
            assert answer.status_code == 200, answer.text
        _await_empty_spool()
        return self

    def enriched(self, limit: int = 50_000) -> EnrichReport:
        """Send, then enrich until the inbox is empty: people, sessions and hot events are there. Sums the reports."""
        self.send()
        total = EnrichReport()
        while (report := enrich(limit)).claimed:
            total += report
        return total

    def through(self) -> Self:
        """Send, then the whole pipeline until nothing is left: answers count it."""
        from analytics.pipeline import until_idle

        self.send()
        until_idle()
        return self
