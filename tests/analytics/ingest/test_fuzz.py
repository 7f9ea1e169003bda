"""For any request: a status below 500, and a ledger that matches the inbox to the event."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.ingest.conftest import Harness, ledger, rows
from tests.examples import examples

SETTINGS = settings(max_examples=examples(60))
NASTY = [
    "",
    " ",
    "null",
    "\x00",
    "\ud800",
    "😀",
    "2020-01-01T00:00:00Z",
    "2099-01-01",
    "$set",
    "x" * 300,
    "\t\n\\N",
]
texts = st.sampled_from(NASTY) | st.text(max_size=20)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=True, allow_infinity=True)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def objects(names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these fields, each of any type or missing, and a few others."""
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(names.split(), values))
    return st.builds(lambda one, two: {**one, **two}, st.dictionaries(texts, values, max_size=2), known)


context = objects("library ip userAgent page campaign locale sessionId") | values
calls = st.builds(
    lambda call, kind, user, around: {**call, **kind, **user, **around},
    objects(
        "type messageId userId anonymousId timestamp event name properties traits groupId previousId category"
    ),
    st.fixed_dictionaries(
        {}, optional={"type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias"])}
    ),
    st.fixed_dictionaries({}, optional={"userId": texts, "anonymousId": texts, "event": texts}),
    st.fixed_dictionaries({}, optional={"context": context}),
)
properties = objects(
    "distinct_id token alias $anon_distinct_id $is_identified $set $set_once $session_id $current_url $pathname title "
    "$referrer $referring_domain utm_source $lib $lib_version $ip $browser_language"
)
captures = st.builds(
    lambda event, around: {**event, **around},
    objects("event distinct_id $distinct_id uuid timestamp offset $set $set_once properties"),
    st.fixed_dictionaries({}, optional={"properties": properties, "distinct_id": texts, "event": texts}),
)


records = st.builds(
    lambda record, around: {**record, **around},
    objects("event properties $distinct_id $time $ip $group_key $group_id $set $set_once $unset $add"),
    st.fixed_dictionaries(
        {},
        optional={
            "event": texts | st.sampled_from(["$identify", "$create_alias", "$merge"]),
            "properties": objects(
                "distinct_id $insert_id time $user_id $device_id $identified_id $anon_distinct_id $anon_id alias "
                "$distinct_ids $session_id $current_url current_page_title $referrer mp_lib $lib_version ip $set $ip"
            ),
        },
    ),
)
amplitudes = st.builds(
    lambda call, around: {**call, **around},
    objects(
        "event_type user_id device_id time insert_id session_id event_properties user_properties group_properties "
        "groups language library user_agent ip platform"
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "event_type": texts | st.sampled_from(["$identify", "$groupidentify"]),
            "user_id": texts,
            "user_properties": objects("$set $setOnce $unset $add plan"),
        },
    ),
)


def text(tree: object) -> bytes:
    """JSON that may contain NaN and lone surrogates, as some clients send it."""
    return json.dumps(tree).encode()


def total(project_id: int) -> tuple[int, int, int]:
    """Received, refused, and in the inbox."""
    counts = ledger(project_id)
    refused = sum(count for what, count in counts.items() if what.startswith("refused"))
    (row,) = rows("SELECT count(*)::int AS count FROM analytics_inbox WHERE project_id = %s", project_id)
    return counts.get("received", 0), refused, row["count"]


@SETTINGS
@given(batch=st.lists(calls | values, max_size=6), around=objects("sentAt context"))
def test_segment(harness: Harness, batch: list[object], around: dict[str, Any]) -> None:
    received, refused, stored = total(harness.team.id)
    answer = harness.ingest.post("/v1/batch", text({**around, "batch": batch}), key=harness.team.write_key)
    assert answer.status_code == 200
    rejected = len(answer.json().get("rejected", []))
    assert total(harness.team.id) == (
        received + len(batch),
        refused + rejected,
        stored + len(batch) - rejected,
    )


@SETTINGS
@given(batch=st.lists(captures | values, min_size=1, max_size=6), around=objects("sent_at"))
def test_posthog(harness: Harness, batch: list[Any], around: dict[str, Any]) -> None:
    for event in batch:
        if isinstance(event, dict):
            event.pop("token", None)
            if isinstance(event.get("properties"), dict):
                event["properties"].pop("token", None)
    received, _, stored = total(harness.team.id)
    body = text({**around, "api_key": harness.team.write_key, "batch": batch})
    answer = harness.ingest.post("/batch/", body)
    after = total(harness.team.id)
    assert answer.status_code in (200, 400)
    assert after[0] == received + len(batch)
    assert after[0] == after[1] + after[2]
    assert (answer.status_code == 400) == (after[2] == stored)


@SETTINGS
@given(batch=st.lists(records | values, min_size=1, max_size=6), path=st.sampled_from(["/import", "/track"]))
def test_mixpanel(harness: Harness, batch: list[Any], path: str) -> None:
    # The first record decides on /track whether it is Mixpanel's format.
    batch = [
        {"event": "first", "properties": {"token": harness.team.write_key, "distinct_id": "ana", "time": 1}},
        *batch,
    ]
    received, refused, stored = total(harness.team.id)
    answer = harness.ingest.post(f"{path}?verbose=1", text(batch))
    assert answer.status_code in (200, 400)
    after = total(harness.team.id)
    assert after[0] == received + len(batch)
    assert after[2] == stored + len(batch) - (after[1] - refused)
    if path == "/import":
        assert answer.json()["num_records_imported"] == after[2] - stored


@SETTINGS
@given(
    batch=st.lists(amplitudes | values, min_size=1, max_size=6),
    path=st.sampled_from(["/2/httpapi", "/batch"]),
)
def test_amplitude(harness: Harness, batch: list[Any], path: str) -> None:
    received, refused, stored = total(harness.team.id)
    answer = harness.ingest.post(path, text({"api_key": harness.team.write_key, "events": batch}))
    after = total(harness.team.id)
    assert after[0] - received == after[1] - refused + after[2] - stored
    if answer.status_code == 200:
        assert answer.json()["events_ingested"] == after[2] - stored == len(batch)
    else:
        assert (answer.status_code, after[2]) == (400, stored)
        fields = answer.json()["events_with_missing_fields"] | answer.json()["events_with_invalid_fields"]
        assert len({index for places in fields.values() for index in places}) <= after[1] - refused


@SETTINGS
@given(
    tree=values | calls | captures | records | amplitudes,
    path=st.sampled_from(
        [
            "/v1/track",
            "/v1/b",
            "/v1/p",
            "/e/",
            "/engage/",
            "/i/v1/analytics/events",
            "/groups",
            "/import",
            "/2/httpapi",
        ]
    ),
)
def test_any_json_under_any_path(harness: Harness, tree: object, path: str) -> None:
    answer = harness.ingest.post(path, text(tree), key=harness.team.write_key)
    assert answer.status_code < 500
    received, refused, stored = total(harness.team.id)
    assert received == refused + stored


WRAPPINGS: list[Callable[[bytes], bytes]] = [
    lambda body: body,
    gzip.compress,
    base64.b64encode,
    lambda body: b"data=" + body,
    lambda body: gzip.compress(body)[:-3],
    lambda body: b"{" + body,
]


@SETTINGS
@given(
    body=st.binary(max_size=200) | st.binary(max_size=200).map(lambda noise: b'{"batch":[' + noise + b"]}"),
    wrap=st.sampled_from(WRAPPINGS),
    path=st.sampled_from(
        [
            "/v1/track",
            "/v1/batch",
            "/e/",
            "/batch/",
            "/engage/",
            "/s/",
            "/flags/",
            "/i/v1/analytics/events",
            "/track",
            "/import",
            "/groups",
            "/2/httpapi",
        ]
    ),
    query=st.sampled_from(
        ["", "?compression=lz64", "?compression=base64&_=99999999999999999", "?_=x&data=", "?data=%FF%00"]
    ),
    encoding=st.sampled_from(["", "gzip", "deflate", "br", "gzip, gzip", "\xff"]),
    kind=st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded", ""]),
)
def test_any_bytes_in_any_wrapping(
    harness: Harness,
    body: bytes,
    wrap: Callable[[bytes], bytes],
    path: str,
    query: str,
    encoding: str,
    kind: str,
) -> None:
    headers = {"content-type": kind, **({"content-encoding": encoding} if encoding != "\xff" else {})}
    answer = harness.ingest.post(path + query, wrap(body), key=harness.team.write_key, headers=headers)
    assert answer.status_code < 500
    received, refused, stored = total(harness.team.id)
    assert received == refused + stored
