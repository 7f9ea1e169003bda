"""POST /v1/comments, as a widget or a curl line meets it."""

import datetime as dt
import gzip
import tracemalloc
import uuid
from typing import Any

import msgspec
import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feedback.models import Comment
from projects import keys
from projects.models import Key
from tests.feedback.embed.sending import SAID, basic, browser, decoded, send
from tests.feedback.inbox_rows import waiting
from tests.feedback.outage import database_away
from tests.people import Team


def kept(team: Team) -> Comment:
    """The project's only comment."""
    return Comment.objects.get(project=team.new.project)


def test_it_works(team: Team) -> None:
    response = send(team)
    assert response.status_code == 201
    comment = kept(team)
    assert decoded(response) == {"id": str(comment.message_id), "receipt": comment.receipt}
    assert (comment.reaction, comment.text, comment.distinct_id) == ("useful", SAID["text"], "ana")
    assert [event["event"] for event in waiting(team.id)] == ["$comment"]


def test_it_keeps_where_and_in_what_it_was_said(team: Team) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
    page = {
        "url": "https://notes.example/write?draft=1",
        "title": "Write",
        "referrer": "https://notes.example/",
    }
    context = {"page": page, "sessionId": 1781234567890, "locale": "de-AT", "timezone": "Europe/Vienna"}
    send(team, SAID | {"context": context}, **{"User-Agent": agent})
    comment = kept(team)
    assert (comment.url, comment.session) == (page["url"], "1781234567890")
    assert comment.context == {
        "title": "Write",
        "referrer": "https://notes.example/",
        "locale": "de-AT",
        "timezone": "Europe/Vienna",
        "browser": "Firefox",
        "os": "Linux",
    }
    [event] = waiting(team.id)
    assert (event["url"], event["client_session"]) == (page["url"], "1781234567890")


@pytest.mark.parametrize("door", ["basic", "bearer", "body"])
def test_it_takes_the_write_key_in_three_places(team: Team, door: str) -> None:
    headers = {
        "basic": {"Authorization": basic(team.write_key)},
        "bearer": {"Authorization": f"Bearer {team.write_key}"},
    }
    body = SAID | ({"writeKey": team.write_key} if door == "body" else {})
    sent = browser().post(
        "/v1/comments", body, content_type="application/json", headers=headers.get(door, {})
    )
    assert sent.status_code == 201


def test_it_takes_gzip(team: Team) -> None:
    assert send(team, gzip.compress(msgspec.json.encode(SAID))).status_code == 201
    assert kept(team).text == SAID["text"]


def test_it_answers_the_same_message_with_the_same_receipt(team: Team) -> None:
    message = str(uuid.uuid4())
    first, again = (send(team, SAID | {"messageId": message}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert decoded(first) == decoded(again) | {"id": message}
    assert len(waiting(team.id)) == 1


def test_a_message_id_may_be_any_text(team: Team) -> None:
    first, again = (send(team, SAID | {"messageId": "my-17th-message"}) for _ in range(2))
    assert decoded(first) == decoded(again)
    assert uuid.UUID(decoded(first)["id"]).version == 5


def test_long_message_ids_are_told_apart_to_their_end(team: Team) -> None:
    first, second = (send(team, SAID | {"messageId": "x" * 300 + end}) for end in "ab")
    assert (first.status_code, second.status_code) == (201, 201)


# ── Who said it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_not_signed_in_may_speak(team: Team) -> None:
    send(team, {"anonymousId": "browser-1", "text": "No idea what this is."})
    [event] = waiting(team.id)
    assert (event["distinct_id"], event["user_known"]) == ("browser-1", 0)


@pytest.mark.parametrize("nobody", ["undefined", "null", "0", "[object Object]", "Anonymous"])
def test_an_id_that_means_nobody_identifies_nobody(team: Team, nobody: str) -> None:
    response = send(team, {"userId": nobody, "anonymousId": "browser-1", "reaction": "exciting"})
    assert response.status_code == 201
    assert nobody in decoded(response)["warnings"][0]
    [event] = waiting(team.id)
    assert (event["distinct_id"], event["user_known"]) == ("browser-1", 0)


@pytest.mark.parametrize(
    ("sent", "kept_as"), [(42, "42"), (42.0, "42"), (4.5, "4.5"), ("x" * 300, "x" * 200)]
)
def test_a_number_is_an_id_and_a_long_id_is_cut(team: Team, sent: object, kept_as: str) -> None:
    send(team, SAID | {"userId": sent})
    assert kept(team).distinct_id == kept_as


# ── When it was said ─────────────────────────────────────────────────────────────────────────────────────────────────

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("sent", "said", "warned"),
    [
        ({}, NOON, False),
        ({"timestamp": "2026-03-01T08:00:00Z"}, dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC), False),
        (
            {"timestamp": "2026-03-02T11:59:55Z", "sentAt": "2026-03-02T12:00:05Z"},
            NOON - dt.timedelta(seconds=10),
            False,
        ),
        ({"timestamp": "2099-01-01T00:00:00Z"}, NOON, True),
        ({"timestamp": "1970-01-01T00:00:00Z"}, NOON, True),
        ({"timestamp": "9999-12-31T23:59:59-23:00"}, NOON, True),
        ({"timestamp": "yesterday"}, NOON, True),
    ],
)
def test_the_server_s_clock_counts(team: Team, sent: dict[str, str], said: dt.datetime, warned: bool) -> None:
    with time_machine.travel(NOON, tick=False):
        response = send(team, SAID | sent)
    assert response.status_code == 201
    assert kept(team).created_at == said
    assert ("warnings" in decoded(response)) == warned


# ── What is not taken ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "where", "says"),
    [
        (b"", "", "not JSON"),
        (b"{", "", "not JSON"),
        (b'"words"', "", "Expected `object`"),
        (b'{"userId":"ana","text":"\xff"}', "", "not UTF-8"),
        (
            b'{"userId":"ana","text":"deep","context":{"page":' + b"[" * 9000 + b"]" * 9000 + b"}}",
            "context.page",
            "Expected",
        ),
        (b'{"userId":"ana","x":' + b"[" * 9000 + b"]" * 9000 + b"}", "", "too deeply"),
        ({"text": "Hello?"}, "userId", "userId, anonymousId"),
        ({"userId": "  ", "text": "Hello?"}, "userId", "userId, anonymousId"),
        ({"userId": True, "text": "Hello?"}, "userId", "Expected"),
        ({"userId": "ana"}, "text", "says nothing"),
        ({"userId": "ana", "text": " \n "}, "text", "says nothing"),
        ({"userId": "ana", "text": 7}, "text", "Expected `str"),
        ({"userId": "ana", "text": "x" * 20_001}, "text", "20,001 characters"),
        ({"userId": "ana", "reaction": "meh"}, "reaction", "useful, confusing, exciting, forgettable"),
        ({"userId": "ana", "text": "!", "context": {"page": 3}}, "context.page", "Expected"),
        (gzip.compress(b"{}", mtime=0)[:-9], "", "ends too early"),
        (b"\x1f\x8b but then words", "", "not gzip"),
    ],
)
def test_bad_input_is_named(team: Team, body: object, where: str, says: str) -> None:
    response = send(team, body)
    assert response.status_code == 400
    answer = decoded(response)
    assert says in answer["error"]
    assert answer.get("where", "") == where
    assert not Comment.objects.filter(project=team.new.project).exists()


def test_it_takes_twenty_thousand_characters(team: Team) -> None:
    assert send(team, SAID | {"text": "😀" * 20_000}).status_code == 201
    assert len(kept(team).text) == 20_000


@pytest.mark.parametrize(
    "body", [b"x" * 600_000, b"x" * 1_100_000, gzip.compress(b" " * 50_000_000, mtime=0)]
)
def test_too_much_is_not_read(team: Team, body: bytes) -> None:
    response = send(team, body)
    assert response.status_code == 413
    assert "500,000 bytes" in decoded(response)["error"]


def test_a_bomb_does_not_go_off(team: Team) -> None:
    """Fifty megabytes of blanks in fifty kilobytes: they are not all inflated to find out that they are too many."""
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    send(team, bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_characters_that_cannot_be_kept_are_replaced(team: Team) -> None:
    body = rb'{"userId":"a\u0000b","text":"cut \ud83d in two, whole \ud83d\ude00, escaped \\u0000","reaction":"useful"}'
    assert send(team, body).status_code == 201
    assert kept(team).distinct_id == "a�b"
    assert kept(team).text == "cut � in two, whole 😀, escaped \\u0000"


def test_a_broken_address_is_left_out(team: Team) -> None:
    assert send(team, SAID | {"context": {"page": {"url": "http://[::1"}}}).status_code == 201
    assert kept(team).url == ""


@pytest.mark.parametrize("wrong", ["fhw_nobody", "", "Basic !!", "fhk"])
def test_a_stranger_is_refused(team: Team, wrong: str) -> None:
    header = wrong if wrong.startswith("Basic") else basic(team.api_key if wrong == "fhk" else wrong)
    response = send(team, SAID, Authorization=header)
    assert response.status_code == 401
    assert "write key" in decoded(response)["error"] or "writeKey" in decoded(response)["error"]


def test_a_revoked_key_is_refused(team: Team) -> None:
    new = keys.create(team.new.project, Key.Kind.WRITE)
    Key.objects.filter(pk=new.key.pk).update(revoked_at=dt.datetime.now(dt.UTC))
    assert send(team, SAID, key=new.text).status_code == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://notes.example", 201),
        ("https://beta.example", 201),
        ("https://evil.example", 403),
        ("https://notes.example.evil.example", 403),
        ("http://notes.example", 403),
        ("null", 403),
    ],
)
def test_only_the_project_s_origins_may_speak(team: Team, origin: str, status: int) -> None:
    team.new.project.allowed_origins = ["https://notes.example", "https://Beta.example"]
    team.new.project.save()
    response = send(team, SAID, Origin=origin)
    assert response.status_code == status
    assert response["Access-Control-Allow-Origin"] == origin


def test_a_browser_may_ask_first(team: Team) -> None:
    response = browser().options("/v1/comments", headers={"Origin": "https://notes.example"})
    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == "https://notes.example"
    assert "Authorization" in response["Access-Control-Allow-Headers"]


def test_it_cannot_be_read(team: Team) -> None:
    response = browser().get("/v1/comments")
    assert (response.status_code, response["Allow"]) == (405, "POST, OPTIONS")


def test_it_sets_no_cookie_and_needs_no_session(team: Team) -> None:
    assert not send(team).cookies


def test_a_database_that_is_away_is_said_to_be(team: Team) -> None:
    with database_away():
        response = send(team)
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "messageId" in decoded(response)["error"]
    assert send(team).status_code == 201


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "messageId",
    "userId",
    "anonymousId",
    "reaction",
    "text",
    "context",
    "timestamp",
    "sentAt",
    "writeKey",
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=9) | ANYTHING)
def test_whatever_is_sent_is_taken_or_refused_with_a_reason(team: Team, body: Any) -> None:
    response = send(team, body)
    assert response.status_code in {200, 201, 400}
    answer = decoded(response)
    assert answer.get("receipt") or answer["error"]
    assert len(waiting(team.id)) == Comment.objects.filter(project=team.new.project).count()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary(max_size=60),
    header=st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30),
)
def test_whatever_bytes_come_nothing_breaks(team: Team, raw: bytes, header: str) -> None:
    assert send(team, raw).status_code == 400
    assert send(team, gzip.compress(raw)).status_code == 400
    assert send(team, SAID, Authorization=header).status_code == 401
    assert send(team, SAID | {"messageId": header}, Origin=header).status_code in {200, 201}


def test_a_mistyped_address_is_told_to_a_program(team: Team) -> None:
    answer = browser().post(
        "/v1/coments", b"{}", content_type="text/plain", headers={"Origin": "https://a.example"}
    )
    assert answer.status_code == 404
    assert answer["Access-Control-Allow-Origin"] == "https://a.example"
    assert answer.json()["error"] == "nothing is served at /v1/coments; see docs/api.md"
