"""Names that only Firsthand writes: with a write key, which is public, nobody forges what somebody said."""

import base64
import gzip
import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from analytics.ingest.wire.segment import KINDS
from analytics.schema import RESERVED_EVENTS
from tests.analytics.ingest.conftest import Desk

FORGED = {"comment": "1", "reaction": "useful", "text": "I love it."}
TRACK = {"type": "track", "userId": "ana", "event": "$comment", "properties": FORGED}
CAPTURE: dict[str, Any] = {"event": "$comment", "distinct_id": "ana", "properties": FORGED}


def form(desk: Desk) -> httpx.Response:
    body = json.dumps(CAPTURE | {"api_key": desk.team.write_key}).encode()
    data = f"data={quote(base64.b64encode(body).decode())}&compression=base64"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return desk.ingest.post("/e/", data, headers=headers)


def query(desk: Desk) -> httpx.Response:
    body = base64.b64encode(json.dumps(CAPTURE | {"api_key": desk.team.write_key}).encode()).decode()
    return desk.ingest.request("GET", "/e/", params={"data": body, "beacon": "1"})


def newest(desk: Desk) -> httpx.Response:
    event = CAPTURE | {"uuid": str(uuid.uuid4())}
    headers = {"authorization": f"Bearer {desk.team.write_key}"}
    return desk.ingest.post("/i/v1/analytics/events", {"batch": [event]}, headers=headers)


def posted(path: str) -> Callable[[Desk], httpx.Response]:
    return lambda desk: desk.ingest.post(path, CAPTURE | {"api_key": desk.team.write_key})


DOORS: dict[str, Callable[[Desk], httpx.Response]] = {
    "/v1/track": lambda desk: desk.ingest.post("/v1/track", TRACK, key=desk.team.write_key),
    "/v1/t": lambda desk: desk.ingest.post("/v1/t", TRACK, key=desk.team.write_key),
    "/v1/batch": lambda desk: desk.batch(TRACK),
    "/v1/b": lambda desk: desk.ingest.post("/v1/b", {"batch": [TRACK]}, key=desk.team.write_key),
    "gzip": lambda desk: desk.ingest.post(
        "/v1/b", gzip.compress(json.dumps({"batch": [TRACK]}).encode()), key=desk.team.write_key
    ),
    "/batch": lambda desk: desk.capture(CAPTURE),
    "an array": lambda desk: desk.ingest.post("/e/", [CAPTURE | {"api_key": desk.team.write_key}]),
    **{path: posted(path) for path in ("/e/", "/i/v0/e/", "/capture/", "/track/", "/engage/")},
    "a form": form,
    "a query": query,
    "/i/v1/analytics/events": newest,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_forged_comment_is_refused_counted_and_shown(desk: Desk, door: str) -> None:
    answer = DOORS[door](desk)
    assert "only Firsthand itself records" in answer.text
    assert desk.inbox() == []
    assert desk.ledger() == {"received": 1, "refused reserved_name": 1}
    assert [warning["reason"] for warning in desk.warnings()] == ["reserved_name"]


@pytest.mark.parametrize("name", sorted(RESERVED_EVENTS))
def test_so_is_every_other_of_these_names(desk: Desk, name: str) -> None:
    refused = desk.batch(TRACK | {"event": name}).json()["rejected"]
    assert [each["reason"] for each in refused] == ["reserved_name"]


@pytest.mark.parametrize("kind", sorted(set(KINDS.values()) - {"track", "batch"}))
def test_calls_of_another_type_keep_the_name_of_their_type(desk: Desk, kind: str) -> None:
    call = TRACK | {"type": kind, "name": "$comment", "groupId": "g", "previousId": "p", "traits": {}}
    assert desk.ingest.post(f"/v1/{kind}", call, key=desk.team.write_key).json() == {"success": True}
    assert desk.only()["event"] not in RESERVED_EVENTS


def test_names_that_only_look_alike_are_anybody_s(desk: Desk) -> None:
    desk.batch(*(TRACK | {"event": name} for name in ("comment", "$comments", "$Comment", "$pageview")))
    assert len(desk.inbox()) == 4
