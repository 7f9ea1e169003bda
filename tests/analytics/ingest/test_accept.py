"""Every reason to reject an event or to warn about it, and how both are counted and sampled."""

import datetime as dt
import json
import re
from typing import Any

import pytest

from analytics.ingest import accept
from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Event, WarningReason
from analytics.schema import INBOX, NOBODY, names
from tests.analytics.ingest.conftest import Harness

TRACK: dict[str, Any] = {"type": "track", "userId": "ana", "event": "x"}


def nested(depth: int) -> object:
    return {"a": nested(depth - 1)} if depth else 1


REFUSED = [
    ("no_name", {"event": ""}),
    ("no_name", {"event": "   "}),
    ("no_name", {"event": None}),
    ("no_name", {"event": {"name": "x"}}),
    ("no_id", {"userId": None}),
    ("no_id", {"userId": ""}),
    ("no_id", {"userId": ["ana"]}),
    ("no_id", {"userId": True}),
    ("no_id", {"type": "alias"}),
    ("unknown_type", {"type": "click"}),
    ("unknown_type", {"type": 7}),
    ("properties", {"properties": [1]}),
    ("properties", {"properties": "text"}),
    ("properties", {"type": "identify", "traits": 5}),
    ("too_large", {"properties": {"text": "x" * 33_000}}),
    ("too_many_properties", {"properties": {f"p{n}": n for n in range(1_001)}}),
    ("too_deep", {"properties": nested(65)}),
    (
        "bot",
        {
            "context": {
                "userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
            }
        },
    ),
]


@pytest.mark.parametrize(("reason", "change"), REFUSED)
def test_an_invalid_event_is_rejected_counted_and_sampled(
    harness: Harness, reason: str, change: dict[str, Any]
) -> None:
    answer = harness.batch(TRACK | {"messageId": "m"} | change, TRACK)
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["messageId"], rejected["reason"]) == (0, "m", reason)
    assert harness.ledger() == {"received": 2, f"refused {reason}": 1}
    assert [row["event"] for row in harness.inbox()] == ["x"]
    (warning,) = harness.warnings()
    assert (warning["reason"], warning["message"]) == (reason, EXPLANATIONS[DropReason(reason)])


def test_every_reason_has_an_explanation() -> None:
    assert set(EXPLANATIONS) == {*DropReason, *WarningReason}


def test_ten_thousand_properties_in_a_large_posthog_event(harness: Harness) -> None:
    answer = harness.capture(
        {"event": "x", "distinct_id": "ana", "properties": {f"p{n}": n for n in range(10_000)}}
    )
    assert answer.status_code == 400
    assert harness.ledger() == {"received": 1, "refused too_many_properties": 1}


def test_a_megabyte_of_properties(harness: Harness) -> None:
    big = {"event": "x", "distinct_id": "ana", "properties": {"text": "x" * (1 << 20)}}
    assert harness.capture(big).status_code == 413
    assert harness.capture(big | {"properties": {"text": "x" * 900 * 1024}}).status_code == 200
    assert harness.ledger() == {"received": 2, "refused too_large": 1}


def test_brackets_and_colons_inside_text_do_not_count(harness: Harness) -> None:
    properties = {"text": '{["\\' * 500, "times": "12:30:45 " * 1_500}
    assert harness.batch(TRACK | {"properties": properties}).json() == {"success": True}
    assert json.loads(harness.only()["properties"]) == properties


FUTURE = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).isoformat()
TIMES = [
    ("future", "2099-01-01T00:00:00Z"),
    pytest.param("future", FUTURE, id="future-two-days-ahead"),
    ("too_old", "1970-01-01T00:00:00Z"),
    ("unreadable_time", "0001-01-01T00:00:00+14:00"),
    ("too_old", 0),
    ("unreadable_time", "yesterday"),
    ("unreadable_time", ""),
    ("unreadable_time", {"year": 2020}),
    ("unreadable_time", "2020-13-45T99:99:99Z"),
]


@pytest.mark.parametrize(("note", "timestamp"), TIMES)
def test_an_impossible_time_is_replaced_by_the_time_of_arrival(
    harness: Harness, note: str, timestamp: object
) -> None:
    answer = harness.batch(TRACK | {"messageId": "m", "timestamp": timestamp})
    (warning,) = answer.json()["warnings"]
    assert (warning["index"], warning["messageId"], warning["reason"]) == (0, "m", note)
    row = harness.only()
    assert row["timestamp"] == row["received_at"]
    assert [each["reason"] for each in harness.warnings()] == [note]
    assert harness.ledger() == {"received": 1}


@pytest.mark.parametrize(
    ("timestamp", "meant"),
    [
        ("2020-01-02", dt.datetime(2020, 1, 2, tzinfo=dt.UTC)),
        ("2020-01-02 03:04:05", dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        ("2020-01-02T03:04:05", dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        (" 2020-01-02T03:04:05+0530 ", dt.datetime(2020, 1, 1, 21, 34, 5, tzinfo=dt.UTC)),
        (1577934245, dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        (1577934245678, dt.datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=dt.UTC)),
        ("2000-01-01T00:00:00Z", dt.datetime(2000, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_other_time_formats_are_understood(harness: Harness, timestamp: object, meant: dt.datetime) -> None:
    assert harness.batch(TRACK | {"timestamp": timestamp}).json() == {"success": True}
    assert harness.only()["timestamp"] == meant


def test_a_time_up_to_23_hours_ahead_is_accepted(harness: Harness) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=22)
    assert harness.batch(TRACK | {"timestamp": soon.isoformat()}).json() == {"success": True}
    assert harness.only()["timestamp"] == soon


def test_a_clock_at_1970_is_corrected(harness: Harness) -> None:
    answer = harness.batch(TRACK | {"timestamp": "1970-01-01T00:00:10Z"}, sentAt="1970-01-01T00:00:20Z")
    assert answer.json() == {"success": True}
    row = harness.only()
    assert row["received_at"] - row["timestamp"] == dt.timedelta(seconds=10)


@pytest.mark.parametrize(
    "nobody",
    [
        *sorted(NOBODY - {""}), "NULL", "None", "[object Object]", "NaN", "N/A", "(NULL)", "Unknown", " ", " guest ",
        "\u200b", "\u3164", "\u2800", "\x7f", "\ufeffnull", "n\u00adil", "\u00a0",
    ],
)  # fmt: skip
def test_a_placeholder_id_identifies_nobody(harness: Harness, nobody: str) -> None:
    answer = harness.batch(
        {"type": "identify", "userId": nobody, "anonymousId": "device", "traits": {"a": 1}}
    )
    assert [each["reason"] for each in answer.json()["warnings"]] == ["meaningless_id"]
    row = harness.only()
    assert (row["distinct_id"], row["user_known"], row["link"], row["linked_id"]) == ("device", 0, None, None)
    assert [each["reason"] for each in harness.warnings()] == ["meaningless_id"]


@pytest.mark.parametrize(
    "somebody",
    ["nilofar", "Void-7", "n/a/b", "00000000-0000-0000-0000-000000000001", "00", "José", "李", "👩‍🚀", "--"],
)
def test_an_id_that_resembles_a_placeholder_is_an_id(harness: Harness, somebody: str) -> None:
    answer = harness.batch({"type": "identify", "userId": somebody, "anonymousId": "device"})
    assert answer.json() == {"success": True}
    assert (harness.only()["distinct_id"], harness.only()["link"]) == (somebody, "identify")


def test_the_anonymous_id_that_stands_in_is_shortened_too(harness: Harness) -> None:
    harness.batch({"type": "identify", "userId": "null", "anonymousId": "x" * 5000})
    assert harness.only()["distinct_id"] == "x" * 200


def test_a_placeholder_device_id_is_not_linked(harness: Harness) -> None:
    harness.batch(
        {"type": "identify", "userId": "ana", "anonymousId": "undefined"},
        {"type": "alias", "userId": "ana", "previousId": "null"},
    )
    assert [(row["distinct_id"], row["link"], row["user_known"]) for row in harness.inbox()] == [
        ("ana", None, 1)
    ] * 2


def test_an_event_with_only_a_placeholder_id_is_kept_under_that_id(harness: Harness) -> None:
    harness.capture(
        {"event": "$identify", "distinct_id": "null", "properties": {"$anon_distinct_id": "device"}}
    )
    harness.capture({"event": "x", "distinct_id": "null"})
    assert [(row["distinct_id"], row["user_known"]) for row in harness.inbox()] == [
        ("device", 0),
        ("null", 0),
    ]


def test_nul_lone_surrogates_and_invalid_numbers_are_replaced(harness: Harness) -> None:
    spoiled = (
        '"\\ud83d broken", "b\\u0000": "a\\u0000b", "nan": NaN, "far": -Infinity, "fine": "\\ud83d\\ude00"'
    )
    ana = '{"type": "track", "userId": "a\\u0000", "event": "x", "properties": {"s": ' + spoiled + "}}"
    body = '{"batch": [' + ana + ', {"type": "track", "userId": "bo", "event": "y"}]}'
    answer = harness.ingest.post("/v1/batch", body, key=harness.team.write_key)
    assert [(each["index"], each["reason"]) for each in answer.json()["warnings"]] == [(0, "text_mended")]
    first, second = harness.inbox()
    assert (first["distinct_id"], second["distinct_id"]) == ("a\ufffd", "bo")
    mended = {"s": "\ufffd broken", "b\ufffd": "a\ufffdb", "nan": None, "far": None, "fine": "😀"}
    assert json.loads(first["properties"]) == mended


def test_a_number_too_large_for_any_float_is_kept_as_it_was_sent(harness: Harness) -> None:
    number = "9" * 5_000
    body = (
        '{"batch": [{"type": "track", "userId": "ana", "event": "x", "properties": {"n": ' + number + "}}]}"
    )
    assert harness.ingest.post("/v1/batch", body, key=harness.team.write_key).status_code == 200
    assert harness.only()["properties"] == f'{{"n": {number}}}'


def test_optional_fields_of_the_wrong_type_are_ignored(harness: Harness) -> None:
    context = {"page": {"url": 5, "title": "Shoes"}, "locale": ["de"], "library": "js", "campaign": None}
    answer = harness.batch(TRACK | {"context": context})
    assert [each["reason"] for each in answer.json()["warnings"]] == ["field_ignored"]
    row = harness.only()
    assert (row["url"], row["title"], row["locale"]) == (None, "Shoes", None)


def test_a_name_that_is_too_long_is_truncated(harness: Harness) -> None:
    harness.batch(TRACK | {"event": "e" * 300, "userId": "u" * 300})
    row = harness.only()
    assert (len(row["event"]), len(row["distinct_id"])) == (200, 200)
    assert [each["reason"] for each in harness.warnings()] == ["shortened"]


AGENTS = {
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)": True,
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)": True,
    "Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.1; +https://openai.com/gptbot)": True,
    "Mozilla/5.0 (compatible; YandexBot/3.0)": True,
    "curl/8.5.0": False,
    "analytics-python/2.3.4": False,
    "posthog-python/7.91.1": False,
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0 Safari/537.36": False,
    "Mozilla/5.0 (Linux; Android 14; CUBOT NOTE 50) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36": False,
}


@pytest.mark.parametrize(("agent", "crawls"), AGENTS.items())
def test_only_well_known_crawlers_are_bots(harness: Harness, agent: str, crawls: bool) -> None:
    harness.ingest.post("/v1/track", TRACK, key=harness.team.write_key, headers={"user-agent": agent})
    assert len(harness.inbox()) == (0 if crawls else 1)


def test_tabs_newlines_and_backslashes_are_stored_unchanged(harness: Harness) -> None:
    odd = 'tab\t line\nreturn\r back\\slash quote" \\N \\. ümlaut 日本 😀'
    body = json.dumps({"batch": [TRACK | {"event": odd, "properties": {odd: odd}}]}, indent=1)
    harness.ingest.post("/v1/batch", body, key=harness.team.write_key)
    row = harness.only()
    assert row["event"] == odd
    assert json.loads(row["properties"]) == {odd: odd}


def test_the_first_fields_of_an_event_are_the_columns_of_the_inbox() -> None:
    assert list(Event.__struct_fields__[: len(INBOX)]) == names(INBOX)


def test_steps_have_plain_names_and_the_request_fields_come_first() -> None:
    assert all(re.fullmatch(r"[a-z_]+", step.__name__) for step in accept.STEPS)
    assert accept.STEPS.index(accept.set_request_fields) == 0


def test_warnings_are_sampled_and_the_ledger_counts_all(harness: Harness) -> None:
    harness.batch(*({"type": "track", "event": "x"} for _ in range(100)))
    assert harness.ledger() == {"received": 100, "refused no_id": 100}
    assert len(harness.warnings()) == 20


def test_a_fact_that_is_too_large_for_a_double_becomes_null(harness: Harness) -> None:
    for huge in ("1e400", "9" * 5_000):
        call = (
            f'{{"type":"identify","userId":"ana","traits":{{"name":"Ana","size":{huge},"sizes":[{huge}]}}}}'
        )
        [warning] = harness.ingest.post("/v1/identify", call, key=harness.team.write_key).json()["warnings"]
        assert warning["reason"] == "text_mended"
    for row in harness.inbox():
        assert json.loads(row["person_set"]) == {"name": "Ana", "size": None, "sizes": [None]}


def test_a_long_number_beside_a_nul_does_not_reject_the_body(harness: Harness) -> None:
    call = f'{{"userId":"ana","event":"x","properties":{{"a":"\\u0000","b":{"9" * 30},"c":{"9" * 5_000},"d":-7}}}}'
    answer = harness.ingest.post("/v1/track", call, key=harness.team.write_key)
    assert answer.status_code == 200, answer.text
    assert json.loads(harness.only()["properties"]) == {"a": "\ufffd", "b": 1e30, "c": None, "d": -7}


def test_a_warning_shows_what_was_sent_and_by_whom(harness: Harness) -> None:
    harness.batch({"type": "track", "userId": "ana", "event": "", "properties": {"plan": "free"}})
    harness.batch({"type": "track", "event": "opened"})
    harness.batch({"type": "track", "userId": "bo", "event": "paid", "timestamp": "soon"})
    samples = {warning["reason"]: warning["sample"] for warning in harness.warnings()}
    assert samples == {
        "no_name": '(no name) ana {"plan":"free"}',
        "no_id": "opened (no id)",
        "unreadable_time": "paid bo",
    }
