"""Amplitude's formats: what its SDKs and its HTTP API send."""

import datetime as dt
import json
import uuid
from typing import Any

import httpx
import pytest

from analytics.ingest.local import LocalIngest
from analytics.ingest.rates import Rates
from analytics.ingest.wire.amplitude import MAX_EVENTS
from analytics.models import Person, Session
from analytics.query import persons
from tests.analytics.ingest.conftest import Harness
from tests.journey import Journey
from tests.people import Team

AT = 1_780_000_000_000
MOMENT = dt.datetime.fromtimestamp(AT / 1000, dt.UTC)


def event(name: str = "signup", **fields: Any) -> dict[str, Any]:
    return {"event_type": name, "user_id": "ana", "time": AT, "insert_id": str(uuid.uuid4()), **fields}


def send(harness: Harness, *events: object, path: str = "/2/httpapi", **around: Any) -> httpx.Response:
    return harness.ingest.post(path, {"api_key": harness.team.write_key, "events": list(events), **around})


@pytest.mark.parametrize("path", ["/2/httpapi", "/batch", "/batch/"])
def test_an_event_and_its_answer(harness: Harness, path: str) -> None:
    sent = event(
        event_properties={"plan": "pro"}, library="amplitude-python/1.3.0", language="en", session_id=AT,
        platform="Web", groups={"company": "Acme"}, revenue=9.5, device_id="d-1", ip="203.0.113.7",
    )  # fmt: skip
    answer = send(harness, sent, path=path)
    body = answer.json()
    assert (answer.status_code, body["code"], body["events_ingested"]) == (200, 200, 1)
    assert body["payload_size_bytes"] > 100 < body["server_upload_time"]
    row = harness.only()
    assert (str(row["id"]), row["event"], row["timestamp"]) == (sent["insert_id"], "signup", MOMENT)
    assert (row["distinct_id"], row["user_known"]) == ("ana", 1)
    assert (row["link"], row["linked_id"]) == ("identify", "d-1")
    assert (row["library"], row["locale"], row["client_session"]) == ("amplitude-python 1.3.0", "en", str(AT))
    assert row["ip"] == "203.0.113.7"
    assert json.loads(row["properties"]) == {
        "plan": "pro", "$platform": "Web", "$groups": {"company": "Acme"}, "$revenue": 9.5, "$device_id": "d-1",
    }  # fmt: skip


def test_sent_twice_it_is_one_event(harness: Harness) -> None:
    sent = event(insert_id="not a uuid")
    send(harness, sent)
    send(harness, sent)
    first, second = harness.inbox()
    assert first["id"] == second["id"]


def test_posthogs_batches_stay_posthogs(harness: Harness) -> None:
    sent = {"event": "x", "distinct_id": "ana", "properties": {"events": [1]}}
    assert harness.capture(sent).json() == {"status": 1}
    assert json.loads(harness.only()["properties"]) == {"events": [1]}


def test_numbers_that_are_none_are_mended(harness: Harness) -> None:
    body = {"api_key": harness.team.write_key, "events": [event(event_properties={"price": float("nan")})]}
    for path in ("/batch", "/2/httpapi"):
        answer = harness.ingest.post(path, json.dumps(body))
        assert [each["reason"] for each in answer.json()["warnings"]] == ["text_mended"]
    assert [row["event"] for row in harness.inbox()] == ["signup", "signup"]


def test_a_wrong_clock_is_corrected_by_the_time_of_upload(harness: Harness) -> None:
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)
    happened = int((ahead - dt.timedelta(minutes=5)).timestamp() * 1000)
    send(harness, event(time=happened), client_upload_time=ahead.isoformat())
    row = harness.only()
    assert abs(row["received_at"] - row["timestamp"] - dt.timedelta(minutes=5)) < dt.timedelta(seconds=1)


def test_an_anonymous_device_and_no_session(harness: Harness) -> None:
    send(harness, event(user_id=None, device_id="d-1", session_id=-1, ip="$remote"))
    row = harness.only()
    assert (row["distinct_id"], row["user_known"], row["link"], row["client_session"]) == (
        "d-1",
        0,
        None,
        None,
    )
    assert row["ip"] == "127.0.0.1"


def test_a_device_without_a_session_id_forms_sessions(harness: Harness) -> None:
    """As over HTTP. A server forms none, and neither does an event that says that it is outside of sessions."""
    device = {"device_id": "d-1", "user_id": None}
    minute = 60_000
    send(harness, *(event("looked", **device, time=AT + after * minute) for after in (0, 29, 60)))
    send(harness, event("synced", **device, time=AT + 120 * minute, session_id=-1))
    send(harness, event("billed", user_id="bo", device_id="d-2", library="amplitude-python/1.3.0"))
    send(harness, event("billed", user_id="cy"))
    Journey(harness.team).enriched()
    found = Session.objects.filter(project=harness.team.id).order_by("started_at")
    assert list(found.values_list("device_id", "events")) == [("d-1", 2), ("d-1", 1)]


def test_a_page_view_of_a_browser(harness: Harness) -> None:
    page = {
        "[Amplitude] Page Location": "https://shop.example/shoes?utm_source=news",
        "[Amplitude] Page Title": "Shoes",
        "[Amplitude] Page Path": "/shoes",
    }
    send(harness, event("[Amplitude] Page Viewed", event_properties=page))
    row = harness.only()
    assert (row["event"], row["path"], row["title"], row["utm_source"]) == (
        "$pageview",
        "/shoes",
        "Shoes",
        "news",
    )


def test_what_identify_sets_and_unsets(harness: Harness) -> None:
    for number, given in enumerate(
        (
            {"$set": {"plan": "free", "city": "Oslo"}},
            {"$setOnce": {"plan": "trial", "source": "news"}},
            {"$unset": {"city": "-"}},
            {"plan": "pro"},
        )
    ):
        sent = event("$identify", user_properties=given, time=AT + number, device_id="d-1")
        assert send(harness, sent).json()["code"] == 200
    Journey(harness.team).enriched()
    project = harness.team.new.project
    ana = persons.get_person(project, persons.find_person(project, "d-1"))
    assert ana.properties == {"plan": "pro", "source": "news"}
    assert sorted(ana.distinct_ids) == ["ana", "d-1"]


def test_a_device_of_two_users_stays_with_the_first(harness: Harness) -> None:
    for who in ("ana", "bobby"):
        send(harness, event(user_id=who, device_id="d-1"), event(user_id=who, device_id="d-1"))
    Journey(harness.team).enriched()
    project = harness.team.new.project
    assert persons.find_person(project, "d-1") == persons.find_person(project, "ana")
    assert persons.find_person(project, "bobby") != persons.find_person(project, "ana")


def test_a_group(harness: Harness) -> None:
    sent = {
        "event_type": "$groupidentify", "groups": {"company": "Acme"}, "time": AT,
        "group_properties": {"$set": {"seats": 5}},
    }  # fmt: skip
    assert send(harness, sent).json()["events_ingested"] == 1
    row = harness.only()
    assert (row["event"], row["user_known"]) == ("$groupidentify", 0)
    assert json.loads(row["properties"]) == {
        "$group_type": "company", "$group_key": "Acme", "$group_set": {"seats": 5},
    }  # fmt: skip
    Journey(harness.team).enriched()
    assert not Person.objects.filter(project=harness.team.id).exists()


def test_a_batch_with_refused_events_is_refused_whole_and_says_which(harness: Harness) -> None:
    """Amplitude's clients then send the others again, without those that are listed."""
    good = event()
    bad = [
        event(user_id=None),
        event("$comment"),
        event("$identify", user_properties={"$add": {"logins": 1}}),
        event(""),
        5,
        event(event_properties=[]),
    ]
    answer = send(harness, good, *bad)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, 400)
    assert body["events_with_missing_fields"] == {"user_id": [1], "event_type": [4]}
    assert body["events_with_invalid_fields"] == {
        "event_type": [2], "user_properties": [3], "event_properties": [5, 6],
    }  # fmt: skip
    assert harness.inbox() == []
    assert send(harness, good).json()["events_ingested"] == 1
    counted = harness.ledger()
    assert (counted.pop("received"), sum(counted.values())) == (7, 6)


def test_a_crawler_is_no_reason_to_send_again(harness: Harness) -> None:
    answer = send(harness, event(user_agent="Googlebot/2.1"), event())
    assert (answer.status_code, answer.json()["events_ingested"]) == (200, 1)


@pytest.mark.parametrize("size", [1, 300_000])
@pytest.mark.parametrize("key", ["nobody", ""])
def test_an_unknown_key_is_refused_as_clients_expect(harness: Harness, key: str, size: int) -> None:
    for path in ("/2/httpapi", "/batch"):
        sent = event(event_properties={"text": "x" * size})
        answer = harness.ingest.post(path, {"api_key": key, "events": [sent]})
        assert (answer.status_code, answer.json()["code"]) == (400, 400)
        assert answer.json()["error"].startswith("Invalid API key:")


def test_more_events_than_a_batch_may_have(harness: Harness) -> None:
    sent = event()
    assert send(harness, *[sent] * MAX_EVENTS).json()["events_ingested"] == MAX_EVENTS
    answer = send(harness, *[sent] * (MAX_EVENTS + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, 413)


def test_too_many_requests_delay_every_event(team: Team) -> None:
    with LocalIngest(rates=Rates(events_per_second=1)) as ingest:
        harness = Harness(ingest, team)
        sent = [event() for _ in range(60)]
        answers = [send(harness, *sent) for _ in range(3)]
    answer = answers[-1]
    assert (answer.status_code, answer.json()["code"]) == (429, 429)
    assert answer.json()["throttled_events"] == list(range(60))
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("content", [b"", b"{oops", b'{"events": []}', b"[]", b'{"events": 5}'])
def test_an_unreadable_body_gets_a_json_error(harness: Harness, content: bytes) -> None:
    answer = harness.ingest.post("/2/httpapi", content)
    assert answer.status_code == 400
    assert answer.json()["code"] == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("path", ["/identify", "/groupidentify", "/httpapi", "/2/profile", "/usermap"])
def test_other_paths_of_amplitude_say_what_to_do(harness: Harness, path: str) -> None:
    answer = harness.ingest.post(path, {"api_key": harness.team.write_key})
    assert (answer.status_code, answer.json()["code"]) == (404, 404)
    assert "send $identify and $groupidentify events" in answer.json()["error"]
