"""PostHog's formats: what its SDKs send, in every encoding."""

import base64
import datetime as dt
import gzip
import json
import urllib.parse
import uuid
import zlib

import lzstring
import pytest

from tests.analytics.ingest.conftest import Harness

VIEW = {
    "event": "$pageview",
    "properties": {
        "distinct_id": "device-1",
        "$current_url": "https://shop.example/shoes?utm_source=news",
        "$pathname": "/shoes",
        "$referrer": "$direct",
        "$referring_domain": "$direct",
        "$session_id": "s-1",
        "$lib": "web",
        "$lib_version": "1.298.0",
        "$browser_language": "en-GB",
        "title": "Shoes",
    },
}
KEPT = {name: value for name, value in VIEW["properties"].items() if name != "distinct_id"}  # type: ignore[attr-defined]
PATHS = ["/e", "/i/v0/e", "/capture", "/track", "/engage", "/batch"]


def body(harness: Harness, event: object = None) -> bytes:
    return json.dumps({"api_key": harness.team.write_key, "batch": [event or VIEW]}).encode()


@pytest.mark.parametrize("path", [*PATHS, *(f"{path}/" for path in PATHS)])
def test_every_path_takes_events(harness: Harness, path: str) -> None:
    answer = harness.ingest.post(path, body(harness))
    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert harness.only()["distinct_id"] == "device-1"


def test_the_three_shapes(harness: Harness) -> None:
    key = harness.team.write_key
    alone = VIEW | {"api_key": key}
    in_properties = VIEW | {"properties": VIEW["properties"] | {"token": key}}  # type: ignore[operator]
    for shape in (alone, [alone, in_properties], {"token": key, "batch": [VIEW]}):
        assert harness.ingest.post("/e/", shape).json() == {"status": 1}
    assert len(harness.inbox()) == 4


def test_properties_become_columns(harness: Harness) -> None:
    harness.capture(VIEW)
    row = harness.only()
    assert (row["url"], row["path"], row["title"]) == (
        "https://shop.example/shoes?utm_source=news",
        "/shoes",
        "Shoes",
    )
    assert (row["referrer"], row["referring_domain"], row["utm_source"]) == (None, None, "news")
    assert (row["client_session"], row["library"], row["locale"]) == ("s-1", "web 1.298.0", "en-GB")
    assert json.loads(row["properties"]) == KEPT
    assert row["user_known"] == 0


def _form(data: str, **more: str) -> tuple[bytes, dict[str, str]]:
    return urllib.parse.urlencode({"data": data, **more}).encode(), {
        "content-type": "application/x-www-form-urlencoded"
    }


PLAIN_TEXT = {"content-type": "text/plain"}


@pytest.mark.parametrize(
    "wrapping",
    [
        "gzip",
        "gzip hinted",
        "content-encoding",
        "deflate",
        "base64",
        "base64 of gzip",
        "form base64",
        "form json",
        "lz64",
        "form lz64",
    ],
)
def test_every_encoding_is_decoded(harness: Harness, wrapping: str) -> None:
    plain = body(harness)
    b64, lz = base64.b64encode(plain), lzstring.LZString().compressToBase64(plain.decode())
    sent: dict[str, tuple[str, bytes, dict[str, str]]] = {
        "gzip": ("/e/", gzip.compress(plain), PLAIN_TEXT),
        "gzip hinted": ("/e/?compression=gzip-js", gzip.compress(plain), PLAIN_TEXT),
        "content-encoding": ("/batch/", gzip.compress(plain), {"content-encoding": "gzip"}),
        "deflate": ("/batch/", zlib.compress(plain), {"content-encoding": "deflate"}),
        "base64": ("/e/", b64, PLAIN_TEXT),
        "base64 of gzip": ("/e/?compression=gzip-js", base64.b64encode(gzip.compress(plain)), PLAIN_TEXT),
        "form base64": ("/e/?compression=base64", *_form(b64.decode())),
        "form json": ("/e/", *_form(plain.decode())),
        "lz64": ("/e/?compression=lz64", lz.encode(), PLAIN_TEXT),
        "form lz64": ("/e/", *_form(lz, compression="lz64")),
    }
    path, content, headers = sent[wrapping]
    answer = harness.ingest.post(path, content, headers=headers)
    assert (answer.status_code, answer.text) == (200, '{"status":1}')
    assert json.loads(harness.only()["properties"]) == KEPT


def test_blanks_in_form_data_are_read_as_plus(harness: Harness) -> None:
    spoiled = (
        b"data=" + base64.b64encode(body(harness, VIEW | {"event": "a>>>b???c~~~"})) + b"&compression=base64"
    )
    assert b"+" in spoiled
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert harness.ingest.post("/e/", spoiled, headers=headers).status_code == 200
    assert harness.only()["event"] == "a>>>b???c~~~"


def test_an_image_request_has_its_event_in_the_query(harness: Harness) -> None:
    answer = harness.ingest.request(
        "GET", "/e/", params={"data": base64.b64encode(body(harness)).decode(), "beacon": "1"}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert harness.only()["event"] == "$pageview"


def test_identify_links_the_device_and_sets_facts(harness: Harness) -> None:
    harness.capture({
        "event": "$identify", "distinct_id": "ana", "$set": {"name": "Ana"}, "$set_once": {"first": "x"},
        "properties": {"$anon_distinct_id": "device-1"},
    })  # fmt: skip
    row = harness.only()
    assert (row["distinct_id"], row["link"], row["linked_id"], row["user_known"]) == (
        "ana",
        "identify",
        "device-1",
        1,
    )
    assert (json.loads(row["person_set"]), json.loads(row["person_set_once"])) == (
        {"name": "Ana"},
        {"first": "x"},
    )
    kept = {"$set": {"name": "Ana"}, "$set_once": {"first": "x"}, "$anon_distinct_id": "device-1"}
    assert json.loads(row["properties"]) == kept


def test_facts_may_be_among_the_properties(harness: Harness) -> None:
    harness.capture({"event": "x", "distinct_id": "ana", "properties": {"$set": {"plan": "pro"}}})
    row = harness.only()
    assert json.loads(row["person_set"]) == {"plan": "pro"}
    assert json.loads(row["properties"]) == {"$set": {"plan": "pro"}}


def test_facts_beside_an_event_without_properties(harness: Harness) -> None:
    harness.capture({"event": "$set", "distinct_id": "ana", "$set": {"plan": "pro"}})
    assert json.loads(harness.only()["properties"]) == {"$set": {"plan": "pro"}}


def test_an_alias_joins_the_original_and_the_new_id(harness: Harness) -> None:
    """As posthog-python sends alias(previous_id="device", distinct_id="ana")."""
    harness.capture({
        "event": "$create_alias", "distinct_id": "device",
        "properties": {"distinct_id": "device", "alias": "ana"},
    })  # fmt: skip
    row = harness.only()
    assert (row["link"], row["distinct_id"], row["linked_id"]) == ("alias", "ana", "device")


def test_an_identified_browser_sets_user_known(harness: Harness) -> None:
    harness.capture({"event": "x", "properties": {"distinct_id": "ana", "$is_identified": True}})
    assert harness.only()["user_known"] == 1


def test_engage_without_a_name_identifies(harness: Harness) -> None:
    harness.capture({"$distinct_id": "ana", "$set": {"plan": "pro"}}, path="/engage/")
    row = harness.only()
    assert (row["event"], row["distinct_id"], row["user_known"]) == ("$identify", "ana", 1)


def test_ids_are_made_text_and_cut_at_two_hundred_characters(harness: Harness) -> None:
    answer = harness.capture({"event": "x", "distinct_id": 5}, {"event": "x", "distinct_id": "é" * 300})
    first, second = harness.inbox()
    assert (first["distinct_id"], second["distinct_id"]) == ("5", "é" * 200)
    assert [each["reason"] for each in answer.json()["warnings"]] == ["shortened"]


def test_clock_skew_is_corrected_as_in_posthog(harness: Harness) -> None:
    """Received at 12:00:00, sent at 12:00:05, happened at 11:59:55 gives 11:59:50."""
    now = dt.datetime.now(dt.UTC)
    sent_at, happened = now + dt.timedelta(seconds=5), now - dt.timedelta(seconds=5)
    harness.capture(
        {"event": "x", "distinct_id": "ana", "timestamp": happened.isoformat()}, sent_at=sent_at.isoformat()
    )
    row = harness.only()
    assert row["received_at"] - row["timestamp"] == dt.timedelta(seconds=10)


def test_sent_at_may_be_in_the_query(harness: Harness) -> None:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    event = {"event": "x", "distinct_id": "ana", "timestamp": (now - dt.timedelta(hours=1)).isoformat()}
    harness.capture(event, path=f"/e/?_={int(now.timestamp() * 1000)}")
    row = harness.only()
    assert row["received_at"] - row["timestamp"] == dt.timedelta(hours=1)


def test_ignore_sent_at_keeps_the_timestamp(harness: Harness) -> None:
    event = {
        "event": "x", "distinct_id": "ana", "timestamp": "2024-05-06T07:08:09Z",
        "properties": {"$ignore_sent_at": True},
    }  # fmt: skip
    harness.capture(event, sent_at="2024-05-06T08:00:00Z")
    assert harness.only()["timestamp"] == dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)


def test_an_offset_counts_back_from_arrival(harness: Harness) -> None:
    harness.capture(VIEW | {"offset": 1500})
    row = harness.only()
    assert row["received_at"] - row["timestamp"] == dt.timedelta(milliseconds=1500)


def test_a_uuid_is_the_events_id_an_empty_one_is_none_and_any_other_is_an_error(harness: Harness) -> None:
    known = uuid.uuid4()
    answer = harness.capture(*(VIEW | {"uuid": each} for each in (str(known), "", "nonsense")))
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["messageId"], rejected["reason"]) == (2, "nonsense", "invalid_uuid")
    first, second = (row["id"] for row in harness.inbox())
    assert first == known != second


def test_events_with_different_keys_are_rejected(harness: Harness) -> None:
    answer = harness.ingest.post(
        "/e/", [VIEW | {"api_key": harness.team.write_key}, VIEW | {"api_key": "other"}]
    )
    assert answer.status_code == 401
    assert "different keys" in answer.text
    assert harness.inbox() == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"{oops", "line 1 column 2"),
        (b"[]", "empty"),
        (b"7", "object"),
        (b"\x1f\x8bnonsense", "damaged"),
        (b"data=%", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_an_unreadable_body_is_rejected_with_an_explanation(
    harness: Harness, content: bytes, says: str
) -> None:
    answer = harness.ingest.post("/e/", content)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert says in answer.text


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"distinct_id": "ana"}, "name"),
        ({"event": "x"}, "no userId, anonymousId or distinct_id"),
        ({"event": "x", "distinct_id": ""}, "no userId, anonymousId or distinct_id"),
    ],
)
def test_a_request_without_a_valid_event_is_an_error(harness: Harness, event: object, says: str) -> None:
    answer = harness.capture(event)
    assert answer.status_code == 400
    assert says in answer.text


def test_a_good_event_beside_a_bad_one_is_kept(harness: Harness) -> None:
    answer = harness.capture(VIEW, {"event": "x"}, 5)
    assert answer.status_code == 200
    assert [(each["index"], each["reason"]) for each in answer.json()["rejected"]] == [
        (1, "no_id"),
        (2, "not_an_event"),
    ]
    assert harness.ledger() == {"received": 3, "refused no_id": 1, "refused not_an_event": 1}


def test_the_newest_format_has_a_result_for_each_event(harness: Harness) -> None:
    good, odd, bad = (str(uuid.uuid4()) for _ in range(3))
    now = dt.datetime.now(dt.UTC)
    event = {
        "event": "x",
        "distinct_id": "ana",
        "timestamp": now.isoformat(),
        "options": {},
        "properties": {},
        "session_id": "s",
    }
    batch = [
        event | {"uuid": good},
        event | {"uuid": odd, "distinct_id": "null"},
        event | {"uuid": bad, "distinct_id": ""},
    ]
    headers = {
        "authorization": f"Bearer {harness.team.write_key}",
        "posthog-request-timestamp": (now + dt.timedelta(hours=2)).isoformat(),
    }
    answer = harness.ingest.post(
        "/i/v1/analytics/events", {"created_at": "2020-01-01T00:00:00Z", "batch": batch}, headers=headers
    )
    assert answer.status_code == 200
    assert {key: each["result"] for key, each in answer.json()["results"].items()} == {
        good: "ok",
        odd: "warning",
        bad: "drop",
    }
    first, _ = harness.inbox()
    assert first["client_session"] == "s"
    assert (
        dt.timedelta(hours=2) <= first["received_at"] - first["timestamp"] < dt.timedelta(hours=2, minutes=1)
    )


def test_the_newest_format_rejects_an_unknown_key_as_json(harness: Harness) -> None:
    answer = harness.ingest.post(
        "/i/v1/analytics/events", {"batch": [VIEW]}, headers={"authorization": "Bearer nobody"}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "unknown_key")


@pytest.mark.parametrize(
    "written",
    [
        '{"token":"KEY","distinct_id":"ana","size":3}',
        '{"size":3,"distinct_id":"ana","token":"KEY"}',
        '{ "token" : "KEY" , "size" : 3 , "distinct_id" : "ana" }',
        '{"distinct_id":"ana","token":"KEY","size":3,"$lib":"token"}',
    ],
)
def test_the_key_and_the_id_are_not_repeated_in_the_properties(harness: Harness, written: str) -> None:
    body = '{"event":"x","properties":PROPERTIES}'.replace("PROPERTIES", written)
    harness.ingest.post("/e/", body.replace("KEY", harness.team.write_key))
    row = harness.only()
    assert row["distinct_id"] == "ana"
    assert {name: value for name, value in json.loads(row["properties"]).items() if name != "$lib"} == {
        "size": 3
    }


def test_ids_inside_other_properties_stay(harness: Harness) -> None:
    order = {"distinct_id": "ana", "by": 'a "distinct_id" of \\'}
    harness.capture({"event": "x", "properties": {"distinct_id": 'an"a', "order": order}})
    row = harness.only()
    assert (row["distinct_id"], json.loads(row["properties"])) == ('an"a', {"order": order})


def test_an_error_is_named(harness: Harness) -> None:
    listed = [
        {"type": "TypeError", "value": "x is undefined", "stacktrace": {}},
        {"type": "Cause", "value": "y"},
    ]
    exception = {"event": "$exception", "distinct_id": "ana"}
    harness.capture(
        exception | {"properties": {"$exception_list": listed}},
        exception | {"properties": {"$exception_list": listed, "$exception_type": "Own"}},
        exception | {"properties": {"$exception_list": []}},
    )
    found = [json.loads(row["properties"]) for row in harness.inbox()]
    assert [(each.get("$exception_type"), each.get("$exception_message")) for each in found] == [
        ("TypeError", "x is undefined"), ("Own", "x is undefined"), (None, None),
    ]  # fmt: skip
    assert found[0]["$exception_list"] == listed


def test_samples_of_rejected_events_show_no_key(harness: Harness) -> None:
    harness.capture(
        {"event": "$comment", "distinct_id": "ana", "properties": {"key": harness.team.write_key}}
    )
    harness.ingest.post("/batch/", f'{{"api_key": "{harness.team.write_key}", "batch": [3]}}')
    samples = [str(each["sample"]) for each in harness.warnings()]
    assert len(samples) == 2
    assert [each for each in samples if harness.team.write_key in each] == []
