"""Mixpanel's formats: what its SDKs and its HTTP API send."""

import base64
import datetime as dt
import gzip
import json
import urllib.parse
import uuid
from typing import Any

import httpx
import pytest

from analytics.ingest import http
from analytics.ingest.wire.mixpanel import MAX_EVENTS
from analytics.models import Person, Session
from analytics.query import persons
from tests.analytics.ingest.conftest import Harness
from tests.journey import Journey

AT = 1_780_000_000
FORM = {"content-type": "application/x-www-form-urlencoded"}


def event(harness: Harness, name: str = "signup", **properties: Any) -> dict[str, Any]:
    given = {
        "token": harness.team.write_key,
        "distinct_id": "ana",
        "time": AT,
        "$insert_id": uuid.uuid4().hex,
    }
    return {"event": name, "properties": {**given, **properties}}


def form(harness: Harness, data: object, path: str = "/track", **more: str) -> httpx.Response:
    text = data if isinstance(data, str) else json.dumps(data)
    body = urllib.parse.urlencode({"data": text, "verbose": "1", **more}).encode()
    return harness.ingest.post(path, body, headers=FORM)


def update(harness: Harness, **fields: Any) -> dict[str, Any]:
    return {"$token": harness.team.write_key, "$distinct_id": "ana", "$time": AT, **fields}


def reasons(answer: httpx.Response) -> list[str]:
    return [each["reason"] for each in answer.json().get("rejected", [])]


def test_an_event_as_pythons_client_sends_it(harness: Harness) -> None:
    sent = event(harness, plan="pro", mp_lib="python", **{"$lib_version": "5.4.1"})
    answer = form(harness, sent)
    assert (answer.status_code, answer.json()) == (200, {"status": 1, "error": None})
    row = harness.only()
    assert (row["event"], row["distinct_id"], row["user_known"]) == ("signup", "ana", 1)
    assert row["timestamp"] == dt.datetime.fromtimestamp(AT, dt.UTC)
    assert (row["library"], row["link"]) == ("python 5.4.1", None)
    assert json.loads(row["properties"]) == {"plan": "pro", "mp_lib": "python", "$lib_version": "5.4.1"}


def test_sent_twice_it_is_one_event(harness: Harness) -> None:
    sent = event(harness)
    for _ in range(2):
        assert form(harness, sent).status_code == 200
    first, second = harness.inbox()
    assert first["id"] == second["id"]
    known = str(uuid.uuid4())
    form(harness, event(harness, **{"$insert_id": known}))
    assert str(harness.inbox()[-1]["id"]) == known


@pytest.mark.parametrize(
    "given", [AT, AT + 0.25, AT * 1000, AT * 1000 + 250, str(AT), "2026-05-28T20:26:40Z"]
)
def test_times_in_seconds_milliseconds_and_iso(harness: Harness, given: object) -> None:
    form(harness, event(harness, time=given))
    assert harness.only()["timestamp"].replace(microsecond=0) == dt.datetime.fromtimestamp(AT, dt.UTC)


@pytest.mark.parametrize("wrapping", ["form", "form base64", "json", "array", "query", "gzip", "nan"])
def test_every_encoding_is_decoded(harness: Harness, wrapping: str) -> None:
    sent = event(harness)
    text = json.dumps(sent)
    coded = base64.b64encode(text.encode()).decode()
    ask = harness.ingest.post
    answers = {
        "form": lambda: form(harness, sent),
        "form base64": lambda: form(harness, coded),
        "json": lambda: ask("/track?verbose=1", sent),
        "array": lambda: ask("/track?verbose=1", [sent]),
        "query": lambda: harness.ingest.request("GET", "/track/", params={"data": coded, "verbose": "1"}),
        "gzip": lambda: ask("/track?verbose=1", gzip.compress(text.encode()), headers={"content-encoding": "gzip"}),
        "nan": lambda: ask("/track?verbose=1", json.dumps(event(harness, price=float("nan")))),
    }  # fmt: skip
    answer = answers[wrapping]()
    assert (answer.status_code, answer.json()["status"]) == (200, 1)
    row = harness.only()
    assert (row["distinct_id"], row["timestamp"].timestamp()) == ("ana", AT)


def test_without_verbose_the_answer_is_one_digit(harness: Harness) -> None:
    assert harness.ingest.post("/track", event(harness)).text == "1"
    assert form(harness, event(harness), verbose="0").text == "1"


def test_the_key_is_stored_nowhere(harness: Harness) -> None:
    form(harness, event(harness, ip="203.0.113.7"))
    form(harness, update(harness, **{"$set": {"plan": "pro"}}), "/engage")
    for row in harness.inbox():
        assert harness.team.write_key not in row["properties"]
        assert "203.0.113.7" not in row["properties"]


def test_posthogs_events_on_the_same_paths_stay_posthogs(harness: Harness) -> None:
    known = str(uuid.uuid4())
    sent = {
        "event": "x", "uuid": known, "distinct_id": "ana", "timestamp": "2026-05-28T20:26:40Z",
        "properties": {"token": harness.team.write_key},
    }  # fmt: skip
    assert harness.ingest.post("/track/", sent).json() == {"status": 1}
    assert str(harness.only()["id"]) == known
    assert harness.capture({"$distinct_id": "bo", "$set": {"a": 1}}, path="/engage/").json() == {"status": 1}
    assert harness.inbox()[-1]["event"] == "$identify"


def test_a_page_view_of_a_browser(harness: Harness) -> None:
    about = {
        "$current_url": "https://shop.example/shoes?utm_source=news", "current_page_title": "Shoes",
        "$referrer": "$direct", "$device_id": "d-1", "distinct_id": "$device:d-1", "mp_lib": "web",
    }  # fmt: skip
    form(harness, event(harness, "$mp_web_page_view", **about), ip="1")
    row = harness.only()
    assert (row["event"], row["path"], row["title"]) == ("$pageview", "/shoes", "Shoes")
    assert (row["referrer"], row["utm_source"]) == (None, "news")
    assert (row["distinct_id"], row["user_known"], row["link"]) == ("$device:d-1", 0, None)
    assert row["ip"] == "127.0.0.1"


def test_a_servers_address_is_not_the_persons(harness: Harness) -> None:
    form(harness, event(harness), ip="0")
    form(harness, event(harness, ip="203.0.113.7"), ip="0")
    assert [row["ip"] for row in harness.inbox()] == [None, "203.0.113.7"]


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({"distinct_id": "", "$device_id": "d"}, ("$device:d", 0, None, None)),
        ({"distinct_id": "", "$user_id": "ana"}, ("ana", 1, None, None)),
        ({"distinct_id": "ana", "$user_id": "ana", "$device_id": "d"}, ("ana", 1, "identify", "$device:d")),
        ({"distinct_id": "0c1d", "$device_id": "0c1d"}, ("0c1d", 0, None, None)),
    ],
)
def test_ids_of_both_ways_of_merging(
    harness: Harness, properties: dict[str, str], found: tuple[object, ...]
) -> None:
    form(harness, event(harness, **properties))
    row = harness.only()
    assert (row["distinct_id"], row["user_known"], row["link"], row["linked_id"]) == found


@pytest.mark.parametrize(
    ("name", "properties", "found"),
    [
        (
            "$identify",
            {"distinct_id": "ana", "$anon_distinct_id": "d"},
            ("$identify", "identify", "ana", "d"),
        ),
        ("$identify", {"$identified_id": "ana", "$anon_id": "d"}, ("$identify", "identify", "ana", "d")),
        ("$create_alias", {"distinct_id": "d", "alias": "ana"}, ("$create_alias", "alias", "ana", "d")),
        ("$merge", {"$distinct_ids": ["ana", "d"]}, ("$create_alias", "alias", "ana", "d")),
    ],
)
def test_links_by_name(
    harness: Harness, name: str, properties: dict[str, Any], found: tuple[str, ...]
) -> None:
    sent = {"event": name, "properties": {"token": harness.team.write_key, **properties}}
    assert form(harness, sent, "/import").json() == {"status": 1, "error": None}
    row = harness.only()
    assert (row["event"], row["link"], row["distinct_id"], row["linked_id"]) == found


def test_updates_of_people_become_facts_and_what_is_unset_goes(harness: Harness) -> None:
    for fields in (
        {"$set": {"plan": "free", "city": "Oslo"}, "$time": AT},
        {"$set_once": {"plan": "trial", "source": "news"}, "$time": AT + 1},
        {"$unset": ["city"], "$time": AT + 2},
        {"$set": {"plan": "pro"}, "$time": (AT + 3) * 1000},
    ):
        assert form(harness, update(harness, **fields), "/engage").json() == {"status": 1, "error": None}
    Journey(harness.team).enriched()
    project = harness.team.new.project
    ana = persons.get_person(project, persons.find_person(project, "ana"))
    assert ana.properties == {"plan": "pro", "source": "news"}
    assert (ana.identified, ana.events) == (True, 4)


def test_an_update_that_is_sent_again_counts_once(harness: Harness) -> None:
    sent = update(harness, **{"$set": {"plan": "pro"}})
    for _ in range(2):
        form(harness, sent, "/engage")
    form(harness, sent | {"$time": AT + 1}, "/engage")
    assert len({row["id"] for row in harness.inbox()}) == 2


@pytest.mark.parametrize("operator", ["$add", "$append", "$union", "$remove", "$delete"])
def test_updates_that_need_the_value_before_are_refused(harness: Harness, operator: str) -> None:
    answer = form(harness, update(harness, **{operator: {"logins": 1}}), "/engage")
    assert (answer.status_code, answer.json()["status"]) == (400, 0)
    assert "only $set, $set_once and $unset are supported" in answer.json()["error"]
    assert harness.ledger() == {"received": 1, "refused unsupported_update": 1}


def test_a_group(harness: Harness) -> None:
    group = {
        "$token": harness.team.write_key,
        "$group_key": "company",
        "$group_id": "Acme",
        "$set": {"seats": 5},
    }
    assert form(harness, group, "/groups").json() == {"status": 1, "error": None}
    row = harness.only()
    assert (row["event"], row["user_known"]) == ("$groupidentify", 0)
    assert json.loads(row["properties"]) == {
        "$group_type": "company", "$group_key": "Acme", "$group_set": {"seats": 5},
    }  # fmt: skip


def test_a_good_event_beside_a_bad_one_is_kept(harness: Harness) -> None:
    answer = form(harness, [event(harness), event(harness, "$comment"), event(harness, "")])
    assert (answer.status_code, answer.json()["status"]) == (200, 1)
    assert reasons(answer) == ["reserved_name", "no_name"]
    assert harness.ledger() == {"received": 3, "refused no_name": 1, "refused reserved_name": 1}


@pytest.mark.parametrize("strict", [None, "1", "0"])
def test_an_import_stores_what_is_valid_and_lists_what_is_not(harness: Harness, strict: str | None) -> None:
    old = event(harness, time=1_000_000_000)
    nameless, timeless = event(harness, ""), event(harness, time=None, **{"$insert_id": "t-1"})
    path = "/import?project_id=7" + (f"&strict={strict}" if strict else "")
    answer = harness.ingest.post(path, [old, nameless, timeless], key="a service account")
    body = answer.json()
    assert body["num_records_imported"] == 1
    if strict == "0":
        assert (answer.status_code, body["code"], body["status"]) == (200, 200, "OK")
    else:
        assert (answer.status_code, body["code"], body["status"]) == (400, 400, "Bad Request")
        assert [(each["index"], each["insert_id"]) for each in body["failed_records"][1:]] == [(2, "t-1")]
    assert reasons(answer) == ["no_name", "no_time"]
    assert harness.only()["timestamp"].timestamp() == 1_000_000_000


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_an_import_of_lines_with_the_key_as_user_name(harness: Harness, kind: str) -> None:
    records = [event(harness, number=number) for number in range(3)]
    for each in records:
        del each["properties"]["token"]
    body = (
        json.dumps(records)
        if kind.endswith("json") and "nd" not in kind
        else "\n".join(map(json.dumps, records))
    )
    answer = harness.ingest.post(
        "/import", gzip.compress(body.encode()), key=harness.team.write_key,
        headers={"content-type": kind, "content-encoding": "gzip"},
    )  # fmt: skip
    assert answer.json() == {"code": 200, "num_records_imported": 3, "status": "OK"}
    assert len(harness.inbox()) == 3


def test_more_events_than_a_batch_may_have(harness: Harness) -> None:
    sent = event(harness)
    most = harness.ingest.post("/import", [sent] * MAX_EVENTS)
    assert most.json()["num_records_imported"] == MAX_EVENTS
    answer = harness.ingest.post("/import", [sent] * (MAX_EVENTS + 1))
    assert (answer.status_code, answer.json()["num_records_imported"]) == (413, 0)
    assert "more than 2,000" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/track", "/groups", "/import"])
def test_an_unknown_token_is_a_401_that_clients_can_read(harness: Harness, path: str) -> None:
    sent = event(harness, token="nobody") | {"$token": "nobody", "$group_key": "a", "$group_id": "b"}
    answer = form(harness, sent, path)
    assert answer.status_code == 401
    assert answer.json()["status"] == 0
    assert answer.json()["error"].startswith("unknown_key: no project has this write key")


def test_an_unknown_token_of_a_large_body_is_refused_in_the_same_way(harness: Harness) -> None:
    answer = form(harness, [event(harness, token="nobody", text="x" * 300_000)])
    assert (answer.status_code, answer.json()["status"]) == (401, 0)


def test_a_server_that_is_busy_says_so_as_clients_of_all_formats_read_it() -> None:
    answer = http.service_unavailable("too busy; retry later", 3)
    assert (answer.status, (b"retry-after", b"3") in answer.headers) == (503, True)
    # Mixpanel's client fails without `status`, Amplitude's without `code`.
    assert json.loads(answer.body) == {
        "success": False, "status": 0, "code": 503, "error": "too busy; retry later",
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"{oops", b"[]", b"data=%", b'"x"'])
@pytest.mark.parametrize("path", ["/groups", "/import"])
def test_an_unreadable_body_gets_a_json_error(harness: Harness, path: str, content: bytes) -> None:
    answer = harness.ingest.post(path, content)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"]


def test_a_browser_and_its_user_become_one_person(harness: Harness) -> None:
    browsing = {"distinct_id": "$device:d-1", "$device_id": "d-1"}
    form(harness, event(harness, "looked", **browsing))
    form(harness, event(harness, "signup", distinct_id="ana", **{"$user_id": "ana", "$device_id": "d-1"}))
    form(harness, event(harness, "looked", distinct_id="ana", **{"$user_id": "ana", "$device_id": "d-2"}))
    Journey(harness.team).enriched()
    project = harness.team.new.project
    ana = persons.get_person(project, persons.find_person(project, "$device:d-1"))
    assert ana.distinct_ids[0] == "ana"
    assert sorted(ana.distinct_ids) == ["$device:d-1", "$device:d-2", "ana"]
    assert (ana.identified, ana.events) == (True, 3)


def test_a_browser_forms_sessions_and_a_server_none(harness: Harness) -> None:
    browser = {"mp_lib": "web", "$device_id": "d-1", "distinct_id": "$device:d-1"}
    form(harness, event(harness, "$mp_web_page_view", **browser))
    form(harness, event(harness, "looked", **browser, time=AT + 60))
    form(harness, event(harness, "looked", **browser, time=AT + 7200))
    form(harness, event(harness, "billed", mp_lib="python", distinct_id="bo"))
    Journey(harness.team).enriched()
    found = Session.objects.filter(project=harness.team.id).order_by("started_at")
    assert [each.events for each in found] == [2, 1]


def test_a_group_is_nobody(harness: Harness) -> None:
    group = {
        "$token": harness.team.write_key,
        "$group_key": "company",
        "$group_id": "Acme",
        "$set": {"seats": 5},
    }
    form(harness, group, "/groups")
    Journey(harness.team).enriched()
    assert not Person.objects.filter(project=harness.team.id).exists()


def test_an_alias_joins_what_was_done_before(harness: Harness) -> None:
    form(harness, event(harness, "looked", distinct_id="visitor 7"))
    alias = {"distinct_id": "visitor 7", "alias": "ana", "token": harness.team.write_key}
    form(harness, {"event": "$create_alias", "properties": alias})
    form(harness, event(harness, "signup", distinct_id="ana"))
    Journey(harness.team).enriched()
    project = harness.team.new.project
    assert persons.find_person(project, "ana") == persons.find_person(project, "visitor 7")
