"""Segment's HTTP API: what Ana's server and browser send, and what is stored."""

import datetime as dt
import gzip
import hashlib
import json
import uuid

import pytest

from tests.analytics.ingest.conftest import Harness

PAGE = {
    "url": "https://shop.example/shoes?utm_source=news&utm_campaign=spring",
    "path": "/shoes",
    "referrer": "https://www.search.example/?q=shoes",
    "title": "Shoes",
}
CONTEXT = {
    "library": {"name": "analytics.js", "version": "2.1"},
    "ip": "203.0.113.9",
    "userAgent": "Mozilla/5.0 (Macintosh)",
    "locale": "de-DE",
    "page": PAGE,
    "sessionId": 1762850000000,
    "campaign": {"medium": "mail", "name": "autumn"},
}


def test_it_works(harness: Harness) -> None:
    answer = harness.ingest.post(
        "/v1/track",
        {"userId": "ana", "event": "signup", "properties": {"plan": "pro"}, "messageId": "m-1"},
        key=harness.team.write_key,
    )
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    row = harness.only()
    assert (row["event"], row["distinct_id"], row["user_known"]) == ("signup", "ana", 1)
    assert json.loads(row["properties"]) == {"plan": "pro"}
    assert harness.ledger() == {"received": 1}


@pytest.mark.parametrize("path", ["/v1/track", "/v1/t", "/v1/track/", "/v1/t/"])
def test_every_path_has_a_short_form_and_may_end_with_a_slash(harness: Harness, path: str) -> None:
    assert (
        harness.ingest.post(path, {"userId": "ana", "event": "x"}, key=harness.team.write_key).status_code
        == 200
    )
    assert harness.only()["event"] == "x"


@pytest.mark.parametrize(
    ("short", "call", "event"),
    [
        ("i", {"userId": "ana"}, "$identify"),
        ("p", {"userId": "ana"}, "$pageview"),
        ("s", {"userId": "ana", "name": "Cart"}, "$screen"),
        ("g", {"userId": "ana", "groupId": "acme"}, "$groupidentify"),
        ("a", {"userId": "ana", "previousId": "device"}, "$create_alias"),
    ],
)
def test_each_call_is_an_event_of_its_own_name(
    harness: Harness, short: str, call: object, event: str
) -> None:
    assert harness.ingest.post(f"/v1/{short}", call, key=harness.team.write_key).status_code == 200
    assert harness.only()["event"] == event


def test_the_key_may_be_in_the_body_and_the_type_text_plain(harness: Harness) -> None:
    body = json.dumps(
        {"writeKey": harness.team.write_key, "batch": [{"type": "track", "userId": "ana", "event": "x"}]}
    )
    answer = harness.ingest.post("/v1/b", body, headers={"content-type": "text/plain"})
    assert answer.json() == {"success": True}
    assert len(harness.inbox()) == 1


def test_a_gzipped_batch(harness: Harness) -> None:
    body = gzip.compress(json.dumps({"batch": [{"type": "track", "userId": "ana", "event": "x"}]}).encode())
    answer = harness.ingest.post(
        "/v1/batch", body, key=harness.team.write_key, headers={"content-encoding": "gzip"}
    )
    assert answer.status_code == 200
    assert len(harness.inbox()) == 1


def test_the_context_becomes_columns(harness: Harness) -> None:
    harness.batch({"type": "track", "userId": "ana", "event": "x", "context": CONTEXT})
    row = harness.only()
    assert {name: row[name] for name in ("url", "path", "referrer", "title")} == PAGE
    assert row["referring_domain"] == "www.search.example"
    assert (row["utm_source"], row["utm_medium"], row["utm_campaign"]) == ("news", "mail", "autumn")
    assert (row["ip"], row["user_agent"], row["locale"]) == (
        "203.0.113.9",
        "Mozilla/5.0 (Macintosh)",
        "de-DE",
    )
    assert (row["library"], row["client_session"]) == ("analytics.js 2.1", "1762850000000")


def test_the_batch_context_fills_missing_fields(harness: Harness) -> None:
    harness.batch(
        {"type": "track", "userId": "ana", "event": "x", "context": {"locale": "fr"}},
        {"type": "track", "userId": "bo", "event": "x"},
        context=CONTEXT,
    )
    assert [(row["locale"], row["ip"]) for row in harness.inbox()] == [
        ("fr", "203.0.113.9"),
        ("de-DE", "203.0.113.9"),
    ]


def test_a_page_view_takes_its_page_from_its_properties(harness: Harness) -> None:
    harness.batch({
        "type": "page", "anonymousId": "device", "name": "Home", "category": "Marketing",
        "properties": {"url": "https://shop.example/a/b?utm_term=red&utm_content=top", "title": "Welcome"},
        "context": CONTEXT,
    })  # fmt: skip
    row = harness.only()
    assert (row["url"], row["title"]) == ("https://shop.example/a/b?utm_term=red&utm_content=top", "Welcome")
    assert (row["utm_term"], row["utm_content"]) == ("red", "top")
    assert json.loads(row["properties"])["name"] == "Home"
    assert json.loads(row["properties"])["category"] == "Marketing"


def test_identify_links_the_device_and_keeps_the_traits(harness: Harness) -> None:
    harness.batch({"type": "identify", "userId": "ana", "anonymousId": "device", "traits": {"name": "Ana"}})
    row = harness.only()
    assert (row["distinct_id"], row["link"], row["linked_id"], row["user_known"]) == (
        "ana",
        "identify",
        "device",
        1,
    )
    assert json.loads(row["person_set"]) == {"name": "Ana"}
    assert json.loads(row["properties"]) == {"$anonymous_id": "device", "$set": {"name": "Ana"}}


def test_identify_without_a_user_id_sets_facts_of_the_device(harness: Harness) -> None:
    harness.batch({"type": "identify", "anonymousId": "device", "traits": {"plan": "free"}})
    row = harness.only()
    assert (row["distinct_id"], row["link"], row["user_known"]) == ("device", None, 0)
    assert json.loads(row["person_set"]) == {"plan": "free"}


def test_a_device_id_equal_to_the_user_id_is_not_linked(harness: Harness) -> None:
    harness.batch({"type": "identify", "userId": "ana", "anonymousId": "ana"})
    assert harness.only()["link"] is None


def test_an_alias_links_the_earlier_id(harness: Harness) -> None:
    harness.batch({"type": "alias", "userId": "ana", "previousId": "device"})
    row = harness.only()
    assert (row["distinct_id"], row["link"], row["linked_id"]) == ("ana", "alias", "device")


def test_a_group_is_kept_with_its_key_and_traits(harness: Harness) -> None:
    harness.batch({"type": "group", "userId": "ana", "groupId": 'ac"me', "traits": {"seats": 3}})
    properties = json.loads(harness.only()["properties"])
    assert properties == {"$group_type": "group", "$group_key": 'ac"me', "$group_set": {"seats": 3}}


def test_ids_and_names_may_be_numbers(harness: Harness) -> None:
    harness.batch(
        {"type": "track", "userId": 42, "event": 7, "messageId": 99},
        {"type": "track", "userId": 4.0, "event": "x"},
    )
    first, second = harness.inbox()
    assert (first["distinct_id"], first["event"], second["distinct_id"]) == ("42", "7", "4")


def test_a_message_id_that_is_a_uuid_is_the_events_id(harness: Harness) -> None:
    message = uuid.uuid4()
    harness.batch({"type": "track", "userId": "ana", "event": "x", "messageId": str(message)})
    assert harness.only()["id"] == message


def test_the_id_is_the_uuid5_of_the_project_and_the_message_id(harness: Harness) -> None:
    """Another one would store every event again that is sent again after an upgrade."""
    namespace = uuid.UUID(bytes=hashlib.sha256(f"firsthand project {harness.team.id}".encode()).digest()[:16])
    messages = [f"ajs-next-{n}-é" for n in range(64)]
    harness.batch(*({"type": "track", "userId": "ana", "event": "x", "messageId": each} for each in messages))
    assert [row["id"] for row in harness.inbox()] == [uuid.uuid5(namespace, each) for each in messages]


def test_any_other_message_id_is_hashed_to_a_stable_id(harness: Harness) -> None:
    call = {"type": "track", "userId": "ana", "event": "x", "messageId": "ajs-next-1-abc"}
    harness.batch(call, call, call | {"messageId": "ajs-next-2-abc"})
    first, again, other = (row["id"] for row in harness.inbox())
    assert first == again != other
    assert first.version == 5


def test_without_a_message_id_every_event_is_new(harness: Harness) -> None:
    call = {"type": "track", "userId": "ana", "event": "x"}
    harness.batch(call, call)
    assert len({row["id"] for row in harness.inbox()}) == 2


def test_a_clock_that_is_an_hour_slow_is_corrected(harness: Harness) -> None:
    hour = dt.timedelta(hours=1)
    sent_at = dt.datetime.now(dt.UTC) - hour
    happened = sent_at - dt.timedelta(seconds=30)
    harness.batch(
        {"type": "track", "userId": "ana", "event": "x", "timestamp": happened.isoformat()},
        sentAt=sent_at.isoformat(),
    )
    row = harness.only()
    assert row["received_at"] - row["timestamp"] == dt.timedelta(seconds=30)


def test_history_without_sent_at_keeps_its_time(harness: Harness) -> None:
    harness.batch(
        {"type": "track", "userId": "ana", "event": "x", "timestamp": "2011-02-03T04:05:06.789+02:00"}
    )
    assert harness.only()["timestamp"] == dt.datetime(2011, 2, 3, 2, 5, 6, 789000, dt.UTC)


def test_the_address_of_a_server_is_not_stored(harness: Harness) -> None:
    context = {"library": {"name": "analytics-python", "version": "2.3.4"}}
    harness.batch({"type": "track", "userId": "ana", "event": "x", "context": context})
    assert harness.only()["ip"] is None


def test_an_unknown_type_is_rejected_with_its_index(harness: Harness) -> None:
    answer = harness.batch(
        {"type": "track", "userId": "ana", "event": "x"}, {"type": "tarck", "userId": "ana", "messageId": "m"}
    )
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["messageId"], rejected["reason"]) == (1, "m", "unknown_type")
    assert "track" in rejected["message"]
    assert harness.ledger() == {"received": 2, "refused unknown_type": 1}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "line 1 column 2"),
        (b'{"batch": [{]}', "line 1 column 13"),
        (b"[]", "object"),
        (b'"batch"', "object"),
        (b"{}", "batch"),
        (b'{"batch": {}}', "batch"),
        (b'{"batch": [{"type": "\xff"}]}', "UTF-8"),
        (b'["\\ud800"]', "object"),
        (b'"\\u0000"', "object"),
        (b'{"n": NaN, "batch": [' + b"[" * 700 + b"]" * 700 + b"]}", "deep"),
        (b'{"batch":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep"),
    ],
)
def test_an_unreadable_body_is_rejected_with_what_and_where(harness: Harness, body: bytes, says: str) -> None:
    answer = harness.ingest.post("/v1/batch", body, key=harness.team.write_key)
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert says in answer.json()["error"]
    assert harness.ledger() == {"received": 1, "refused unreadable": 1}


def test_invalid_events_are_named_and_the_others_kept(harness: Harness) -> None:
    calls: list[object] = [
        {"type": "track", "userId": f"u{n}", "event": "x", "messageId": f"m{n}"} for n in range(100)
    ]
    calls[10] = {"type": "track", "event": "x", "messageId": "m10"}
    calls[50] = "x"
    calls[99] = {"type": "track", "userId": "u99", "event": "x", "properties": [], "messageId": "m99"}
    answer = harness.batch(*calls)
    assert answer.status_code == 200
    rejected = [(each["index"], each["messageId"], each["reason"]) for each in answer.json()["rejected"]]
    assert rejected == [(10, "m10", "no_id"), (50, None, "not_an_event"), (99, "m99", "properties")]
    assert len(harness.inbox()) == 97
    assert harness.ledger() == {
        "received": 100,
        "refused no_id": 1,
        "refused not_an_event": 1,
        "refused properties": 1,
    }


def test_an_empty_batch_is_fine(harness: Harness) -> None:
    assert harness.batch().json() == {"success": True}


def properties(harness: Harness) -> dict[str, object]:
    found: dict[str, object] = json.loads(harness.only()["properties"])
    return found


PHONE = {
    "app": {"name": "Shop", "version": "1.2", "build": "34", "namespace": "example.shop"},
    "device": {"id": "B5372DB0", "manufacturer": "Apple", "model": "iPhone17,2", "adTrackingEnabled": True},
    "os": {"name": "iOS", "version": "19.1"},
    "screen": {"width": 390, "height": 844, "density": 3},
    "network": {"carrier": "Telia", "wifi": False},
    "timezone": "Europe/Oslo",
    "groupId": "acme",
    "traits": {"plan": "pro"},
    "campaign": {"source": "news", "id": "c-7"},
}
PHONE_PROPERTIES = {
    "$app_name": "Shop", "$app_version": "1.2", "$app_build": "34", "$app_namespace": "example.shop",
    "$device_id": "B5372DB0", "$device_manufacturer": "Apple", "$device_model": "iPhone17,2",
    "$device_ad_tracking_enabled": True, "$os": "iOS", "$os_version": "19.1",
    "$screen_width": 390, "$screen_height": 844, "$screen_density": 3, "$network_carrier": "Telia",
    "$network_wifi": False, "$timezone": "Europe/Oslo", "$group_id": "acme", "$traits": {"plan": "pro"},
    "$campaign_id": "c-7",
}  # fmt: skip


def test_app_device_and_system_are_properties(harness: Harness) -> None:
    harness.batch(
        {"type": "track", "userId": "ana", "event": "x", "context": PHONE, "properties": {"size": 3}}
    )
    assert properties(harness) == {"size": 3, **PHONE_PROPERTIES}
    assert harness.only()["utm_source"] == "news"


@pytest.mark.parametrize("own", ["{}", " { } ", "null"])
def test_an_event_without_properties_has_those_of_its_app(harness: Harness, own: str) -> None:
    body = f'{{"userId": "ana", "event": "x", "properties": {own}, "context": {{"os": {{"name": "iOS"}}}}}}'
    harness.ingest.post("/v1/track", body, key=harness.team.write_key)
    assert properties(harness) == {"$os": "iOS"}


@pytest.mark.parametrize("name", ["$os", "\\u0024os"])
def test_a_property_of_the_same_name_wins(harness: Harness, name: str) -> None:
    own, context = f'{{"{name}": "BeOS"}}', '{"os": {"name": "iOS"}}'
    body = f'{{"userId": "ana", "event": "x", "properties": {own}, "context": {context}}}'
    harness.ingest.post("/v1/track", body, key=harness.team.write_key)
    stored = harness.only()["properties"]
    assert (json.loads(stored), stored.count("os")) == ({"$os": "BeOS"}, 1)


def test_the_context_of_a_batch_describes_each_item(harness: Harness) -> None:
    call = {"type": "track", "userId": "ana", "event": "x"}
    harness.batch(call, call | {"context": {"os": {"name": "Linux"}}}, call, context=PHONE)
    rows = harness.inbox()
    assert [json.loads(row["properties"])["$os"] for row in rows] == ["iOS", "Linux", "iOS"]
    assert [json.loads(row["properties"])["$campaign_id"] for row in rows] == ["c-7"] * 3
    assert [row["utm_source"] for row in rows] == ["news"] * 3


def test_a_context_of_other_types_is_kept_and_nulls_are_not(harness: Harness) -> None:
    odd = {"os": "iOS", "app": None, "device": {"model": None, "type": "ios"}, "screen": [1], "timezone": 3}
    answer = harness.batch({"type": "track", "userId": "ana", "event": "x", "context": odd})
    assert answer.json() == {"success": True}
    assert properties(harness) == {"$os": "iOS", "$device_type": "ios", "$screen": [1], "$timezone": 3}


def test_a_context_that_is_nested_too_deeply_is_left_out(harness: Harness) -> None:
    deep: object = 1
    for _ in range(70):
        deep = {"in": deep}
    call = {
        "type": "track",
        "userId": "ana",
        "event": "x",
        "properties": {"size": 3},
        "context": {"traits": deep},
    }
    answer = harness.batch(call)
    assert [each["reason"] for each in answer.json()["warnings"]] == ["field_ignored"]
    assert properties(harness) == {"size": 3}


def test_the_other_ids_of_a_call_are_kept(harness: Harness) -> None:
    harness.batch(
        {"type": "track", "userId": "ana", "anonymousId": "laptop", "event": "x"},
        {"type": "identify", "userId": "ana", "anonymousId": "laptop", "traits": {"plan": "pro"}},
        {"type": "alias", "userId": "ana", "previousId": "phone"},
        {"type": "track", "anonymousId": "laptop", "event": "x"},
        {"type": "track", "userId": "ana", "anonymousId": "ana", "event": "x"},
    )
    assert [json.loads(row["properties"]) for row in harness.inbox()] == [
        {"$anonymous_id": "laptop"},
        {"$anonymous_id": "laptop", "$set": {"plan": "pro"}},
        {"$previous_id": "phone"},
        {},
        {},
    ]
