"""Which events make no person, and which come from a browser or an app: as unmodified clients send them."""

import uuid
from typing import Any

import pytest

from tests.analytics.ingest.conftest import Harness

MADE_UP = str(uuid.uuid4())
PERSONLESS = {"$process_person_profile": False}
PYTHON = {"$lib": "posthog-python", "$lib_version": "7.0.0"}
GROUP = {"$group_type": "company", "$group_key": "acme"}


def captured(harness: Harness, event: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = harness.capture({"event": event, "distinct_id": MADE_UP, "properties": properties, **more})
    assert answer.status_code == 200, answer.text
    return harness.only()


@pytest.mark.parametrize(
    ("event", "properties", "more"),
    [
        ("step", PYTHON | PERSONLESS, {}),
        ("$exception", PYTHON | PERSONLESS | {"$session_id": "s1", "$current_url": "https://a.example/"}, {}),
        ("step", PERSONLESS, {}),
        ("step", PYTHON, {"options": {"process_person_profile": False}}),
        ("$groupidentify", PYTHON | GROUP, {}),
        ("$groupidentify", {"$lib": "posthog-node", **GROUP}, {}),
    ],
    ids=["capture", "exception in a request", "no library", "v1", "group of python", "group of node"],
)
def test_a_server_says_that_an_event_makes_no_person(
    harness: Harness, event: str, properties: dict[str, Any], more: dict[str, Any]
) -> None:
    row = captured(harness, event, properties, **more)
    assert (row["personless"], row["device_id"]) == (1, None)


@pytest.mark.parametrize(
    ("event", "properties"),
    [
        ("$pageview", {"$lib": "web", "$device_id": "d1", "$session_id": "s1", **PERSONLESS}),
        ("$pageview", {"$lib": "web", **PERSONLESS}),
        ("$screen", {"$lib": "posthog-ios", "$screen_name": "Cart", **PERSONLESS}),
        ("$groupidentify", {"$lib": "web", "$device_id": "d1", "$session_id": "s1", **GROUP}),
        ("step", PYTHON),
        ("step", PYTHON | {"$process_person_profile": True}),
        ("$identify", PYTHON | PERSONLESS),
    ],
    ids=["browser", "browser, little", "app", "browser's group", "server", "server, true", "identify"],
)
def test_everyone_else_is_a_person(harness: Harness, event: str, properties: dict[str, Any]) -> None:
    assert captured(harness, event, properties)["personless"] == 0


def test_segments_group_is_about_a_person(harness: Harness) -> None:
    harness.batch({"type": "group", "userId": "ana", "groupId": "acme", "traits": {"seats": 3}})
    row = harness.only()
    assert (row["event"], row["personless"], row["device_id"]) == ("$groupidentify", 0, None)


PAGE = {"page": {"url": "https://shop.example/"}}


@pytest.mark.parametrize(
    "call",
    [
        {"type": "page"},
        {"type": "screen", "name": "Cart"},
        {"type": "track", "event": "did", "context": PAGE},
        {"type": "track", "event": "did", "context": {"device": {"id": "x", "model": "Pixel"}}},
        {"type": "track", "event": "did", "context": {"screen": {"width": 390}}},
        {
            "type": "identify",
            "context": PAGE | {"library": {"name": "analytics.js", "version": "npm:next-1.7"}},
        },
    ],
    ids=["page", "screen", "on a page", "with a device", "with a screen", "analytics-next"],
)
def test_a_browser_or_an_app_is_known_by_its_anonymous_id(harness: Harness, call: dict[str, Any]) -> None:
    ids = {"userId": "ana", "anonymousId": "laptop"}
    harness.batch(call | ids, call | {"userId": "bo"}, call | ids | {"anonymousId": "null"})
    assert [row["device_id"] for row in harness.inbox()] == ["laptop", "bo", "ana"]


@pytest.mark.parametrize(
    "call",
    [
        {"type": "track", "event": "paid"},
        {"type": "track", "event": "paid", "context": {"device": {}, "userAgent": "curl"}},
        {"type": "page", "context": PAGE | {"library": {"name": "analytics-python", "version": "2"}}},
        {"type": "page", "context": PAGE | {"sessionId": "s1"}},
    ],
    ids=["server", "empty", "a server's page", "has a session"],
)
def test_a_server_and_a_client_with_sessions_need_no_device(harness: Harness, call: dict[str, Any]) -> None:
    harness.batch(call | {"userId": "ana", "anonymousId": "laptop"})
    assert harness.only()["device_id"] is None


def test_a_placeholder_is_no_device(harness: Harness) -> None:
    harness.batch({"type": "page", "userId": "null", "anonymousId": "laptop"})
    harness.batch({"type": "page", "anonymousId": "x" * 300})
    assert [row["device_id"] for row in harness.inbox()] == ["laptop", "x" * 200]


def test_posthogs_apps_without_sessions_are_known_by_their_device(harness: Harness) -> None:
    app = {"$lib": "posthog-android", "$device_id": "phone", "$screen_width": 390}
    harness.capture({"event": "opened", "distinct_id": "ana", "properties": app})
    harness.capture({"event": "opened", "distinct_id": "ana", "properties": app | {"$session_id": "s1"}})
    harness.capture({"event": "opened", "distinct_id": "ana", "properties": {"$screen_width": 390}})
    assert [row["device_id"] for row in harness.inbox()] == ["phone", None, "ana"]
