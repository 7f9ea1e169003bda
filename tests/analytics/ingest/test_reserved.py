"""Reserved names: a public write key must not be enough to forge a comment."""

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
from tests.analytics.ingest.conftest import Harness

FORGED = {"comment": "1", "reaction": "useful", "text": "I love it."}
TRACK = {"type": "track", "userId": "ana", "event": "$comment", "properties": FORGED}
CAPTURE: dict[str, Any] = {"event": "$comment", "distinct_id": "ana", "properties": FORGED}


def form(harness: Harness) -> httpx.Response:
    body = json.dumps(CAPTURE | {"api_key": harness.team.write_key}).encode()
    data = f"data={quote(base64.b64encode(body).decode())}&compression=base64"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return harness.ingest.post("/e/", data, headers=headers)


def query(harness: Harness) -> httpx.Response:
    body = base64.b64encode(json.dumps(CAPTURE | {"api_key": harness.team.write_key}).encode()).decode()
    return harness.ingest.request("GET", "/e/", params={"data": body, "beacon": "1"})


def newest(harness: Harness) -> httpx.Response:
    event = CAPTURE | {"uuid": str(uuid.uuid4())}
    headers = {"authorization": f"Bearer {harness.team.write_key}"}
    return harness.ingest.post("/i/v1/analytics/events", {"batch": [event]}, headers=headers)


def posted(path: str) -> Callable[[Harness], httpx.Response]:
    return lambda harness: harness.ingest.post(path, CAPTURE | {"api_key": harness.team.write_key})


ENDPOINTS: dict[str, Callable[[Harness], httpx.Response]] = {
    "/v1/track": lambda harness: harness.ingest.post("/v1/track", TRACK, key=harness.team.write_key),
    "/v1/t": lambda harness: harness.ingest.post("/v1/t", TRACK, key=harness.team.write_key),
    "/v1/batch": lambda harness: harness.batch(TRACK),
    "/v1/b": lambda harness: harness.ingest.post("/v1/b", {"batch": [TRACK]}, key=harness.team.write_key),
    "gzip": lambda harness: harness.ingest.post(
        "/v1/b", gzip.compress(json.dumps({"batch": [TRACK]}).encode()), key=harness.team.write_key
    ),
    "/batch": lambda harness: harness.capture(CAPTURE),
    "an array": lambda harness: harness.ingest.post("/e/", [CAPTURE | {"api_key": harness.team.write_key}]),
    **{path: posted(path) for path in ("/e/", "/i/v0/e/", "/capture/", "/track/", "/engage/")},
    "a form": form,
    "a query": query,
    "/i/v1/analytics/events": newest,
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_forged_comment_is_rejected_counted_and_sampled(harness: Harness, endpoint: str) -> None:
    answer = ENDPOINTS[endpoint](harness)
    assert "reserved for Firsthand" in answer.text
    assert harness.inbox() == []
    assert harness.ledger() == {"received": 1, "refused reserved_name": 1}
    assert [warning["reason"] for warning in harness.warnings()] == ["reserved_name"]


@pytest.mark.parametrize("name", sorted(RESERVED_EVENTS))
def test_every_reserved_name_is_rejected(harness: Harness, name: str) -> None:
    refused = harness.batch(TRACK | {"event": name}).json()["rejected"]
    assert [each["reason"] for each in refused] == ["reserved_name"]


@pytest.mark.parametrize("kind", sorted(set(KINDS.values()) - {"track", "batch"}))
def test_calls_of_another_type_keep_the_name_of_their_type(harness: Harness, kind: str) -> None:
    call = TRACK | {"type": kind, "name": "$comment", "groupId": "g", "previousId": "p", "traits": {}}
    assert harness.ingest.post(f"/v1/{kind}", call, key=harness.team.write_key).json() == {"success": True}
    assert harness.only()["event"] not in RESERVED_EVENTS


def test_similar_names_are_not_reserved(harness: Harness) -> None:
    harness.batch(*(TRACK | {"event": name} for name in ("comment", "$comments", "$Comment", "$pageview")))
    assert len(harness.inbox()) == 4
