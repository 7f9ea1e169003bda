"""POST /v1/comments, as a widget or a curl line meets it."""

import datetime as dt
import gzip
import tracemalloc
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.ingest.local import LocalIngest
from analytics.pipeline import until_idle
from feedback.models import Comment
from projects import keys
from projects.models import Key
from tests.analytics.api.client import Api
from tests.analytics.ingest.conftest import ledger, rows
from tests.examples import examples
from tests.feedback.embed.sending import SAID, basic, decoded, send
from tests.feedback.inbox_rows import waiting
from tests.feedback.outage import database_away
from tests.feedback.saying import FIREFOX
from tests.people import Team

Visit = Callable[..., httpx.Response]


@pytest.fixture
def visit(door: LocalIngest, team: Team) -> Visit:
    """Send to the team's project through the session's front."""
    return partial(send, team, through=door)


def key_for(team: Team, *origins: str) -> str:
    """A new write key of the project, which only these origins may use now: ingest cannot know it with older ones."""
    team.new.project.allowed_origins = list(origins)
    team.new.project.save()
    return keys.create(team.new.project, Key.Kind.WRITE).text


def warnings(team: Team) -> list[tuple[str, str]]:
    """The project's ingestion warnings, except those that a user id is not proved: reason and sample."""
    found = rows(
        "SELECT reason, sample FROM analytics_warning WHERE project_id = %s"
        " AND NOT starts_with(reason, 'identity_') ORDER BY id",
        team.id,
    )
    return [(row["reason"], row["sample"]) for row in found]


def kept(team: Team) -> Comment:
    """The project's only comment."""
    return Comment.objects.get(project=team.new.project)


def test_it_works(team: Team, visit: Visit) -> None:
    response = visit()
    assert response.status_code == 201
    comment = kept(team)
    assert decoded(response) == {"id": str(comment.message_id), "receipt": comment.receipt}
    assert (comment.reaction, comment.text, comment.distinct_id) == ("useful", SAID["text"], "ana")
    assert [event["event"] for event in waiting(team.id)] == ["$comment"]


WHERE = {
    "page": {
        "url": "https://notes.example/write?draft=1&utm_source=letter&utm_campaign=spring",
        "title": "Write",
        "referrer": "https://search.example/?q=notes",
    },
    "campaign": {"medium": "email"},
    "library": {"name": "firsthand.js", "version": "1.0"},
    "sessionId": 1781234567890,
    "locale": "de-AT",
    "timezone": "Europe/Vienna",
}


def test_it_keeps_where_and_in_what_it_was_said(team: Team, visit: Visit) -> None:
    visit(SAID | {"context": WHERE}, **{"User-Agent": FIREFOX})
    comment = kept(team)
    assert (comment.url, comment.session) == (WHERE["page"]["url"], "1781234567890")  # type: ignore[index]
    assert comment.context == {
        "title": "Write",
        "referrer": "https://search.example/?q=notes",
        "locale": "de-AT",
        "timezone": "Europe/Vienna",
        "browser": "Firefox",
        "os": "Linux",
        "device": "desktop",
    }


def test_its_event_has_all_columns_of_any_other_event(team: Team, visit: Visit) -> None:
    visit(SAID | {"context": WHERE}, **{"User-Agent": FIREFOX})
    until_idle()
    [event] = Api(team.api_key).rows("events", event="$comment")
    expected = {
        "url": "https://notes.example/write?draft=1&utm_source=letter&utm_campaign=spring",
        "path": "/write",
        "title": "Write",
        "referrer": "https://search.example/?q=notes",
        "referring_domain": "search.example",
        "utm_source": "letter",
        "utm_medium": "email",
        "utm_campaign": "spring",
        "browser": "Firefox",
        "os": "Linux",
        "device": "desktop",
        "locale": "de-AT",
        "library": "firsthand.js 1.0",
        "distinct_id": "ana",
    }
    assert {name: event[name] for name in expected} == expected


def test_the_user_agent_of_the_body_goes_before_that_of_the_request(team: Team, visit: Visit) -> None:
    visit(SAID | {"context": {"userAgent": FIREFOX}}, **{"User-Agent": "a-server/1.0"})
    assert kept(team).context["browser"] == "Firefox"


@pytest.mark.parametrize("place", ["basic", "bearer", "body"])
def test_it_takes_the_write_key_in_three_places(team: Team, door: LocalIngest, place: str) -> None:
    headers = {
        "basic": {"Authorization": basic(team.write_key)},
        "bearer": {"Authorization": f"Bearer {team.write_key}"},
    }
    body = SAID | ({"writeKey": team.write_key} if place == "body" else {})
    sent = door.request("POST", "/v1/comments/", json=body, headers=headers.get(place, {}))
    assert sent.status_code == 201


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_it_takes_gzip_announced_or_not(team: Team, visit: Visit, headers: dict[str, str]) -> None:
    assert visit(gzip.compress(msgspec.json.encode(SAID)), **headers).status_code == 201
    assert kept(team).text == SAID["text"]


def test_it_answers_the_same_message_with_the_same_receipt(team: Team, visit: Visit) -> None:
    message = str(uuid.uuid4())
    first, again = (visit(SAID | {"messageId": message}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert decoded(first) == decoded(again) | {"id": message}
    assert len(waiting(team.id)) == 1


def test_a_message_id_may_be_any_text(team: Team, visit: Visit) -> None:
    first, again = (visit(SAID | {"messageId": "my-17th-message"}) for _ in range(2))
    assert decoded(first) == decoded(again)
    assert uuid.UUID(decoded(first)["id"]).version == 5


@pytest.mark.parametrize("message", [str(uuid.UUID(int=7)), "my-17th-message"])
@pytest.mark.parametrize("comment_first", [False, True])
def test_a_comment_is_whole_though_an_event_has_its_message_id(
    team: Team, visit: Visit, message: str, comment_first: bool
) -> None:
    """The event would be dropped as a duplicate of the other, and the comment be neither counted nor shown."""
    track = partial(visit, {"userId": "ana", "event": "wrote", "messageId": message}, path="/v1/track")
    say = partial(visit, SAID | {"messageId": message})
    statuses = [send().status_code for send in ((say, track) if comment_first else (track, say))]
    assert sorted(statuses) == [200, 201]
    assert say().status_code == 200, "the comment is still sent once"
    until_idle()
    api = Api(team.api_key)
    events = {event["event"]: event for event in api.rows("events")}
    assert set(events) == {"wrote", "$comment"}
    assert events["$comment"]["properties"]["comment"] == str(kept(team).message_id)
    [ana] = api.rows("people")
    timeline = api.get(f"people/{ana['id']}/timeline").json["entries"]
    shown = [comment["text"] for entry in timeline for comment in entry["comments"]]
    assert shown == [SAID["text"]]


def test_long_message_ids_are_told_apart_to_their_end(team: Team, visit: Visit) -> None:
    first, second = (visit(SAID | {"messageId": "x" * 300 + end}) for end in "ab")
    assert (first.status_code, second.status_code) == (201, 201)


# ── Who said it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_not_signed_in_may_speak(team: Team, visit: Visit) -> None:
    visit({"anonymousId": "browser-1", "text": "No idea what this is."})
    [event] = waiting(team.id)
    assert (event["distinct_id"], event["user_known"]) == ("browser-1", 0)


@pytest.mark.parametrize("nobody", ["undefined", "null", "0", "[object Object]", "Anonymous"])
def test_an_id_that_means_nobody_identifies_nobody(team: Team, visit: Visit, nobody: str) -> None:
    response = visit({"userId": nobody, "anonymousId": "browser-1", "reaction": "exciting"})
    assert response.status_code == 201
    assert [each["reason"] for each in decoded(response)["warnings"]] == ["meaningless_id"]
    assert [reason for reason, _ in warnings(team)] == ["meaningless_id"]
    [event] = waiting(team.id)
    assert (event["distinct_id"], event["user_known"]) == ("browser-1", 0)


@pytest.mark.parametrize(
    ("sent", "kept_as"), [(42, "42"), (42.0, "42"), (4.5, "4.5"), ("x" * 300, "x" * 200)]
)
def test_a_number_is_an_id_and_a_long_id_is_cut(team: Team, visit: Visit, sent: object, kept_as: str) -> None:
    visit(SAID | {"userId": sent})
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
def test_the_server_s_clock_counts(
    team: Team, visit: Visit, sent: dict[str, str], said: dt.datetime, warned: bool
) -> None:
    with time_machine.travel(NOON, tick=False):
        response = visit(SAID | sent)
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
            "",
            "too deeply",
        ),
        (b'{"userId":"ana","x":' + b"[" * 9000 + b"]" * 9000 + b"}", "", "too deeply"),
        ({"text": "Hello?"}, "userId", "no userId, anonymousId"),
        ({"userId": "", "anonymousId": "", "text": "Hello?"}, "userId", "no userId, anonymousId"),
        ({"userId": True, "text": "Hello?"}, "userId", "no userId, anonymousId"),
        ({"userId": "ana"}, "text", "empty; send a text"),
        ({"userId": "ana", "text": " \n "}, "text", "empty; send a text"),
        ({"userId": "ana", "text": 7}, "text", "Expected `str"),
        ({"userId": "ana", "text": "x" * 20_001}, "text", "20,001 characters"),
        ({"userId": "ana", "reaction": "meh"}, "reaction", "useful, confusing, exciting, forgettable"),
        (gzip.compress(b"{}", mtime=0)[:-9], "", "is truncated"),
        (b"\x1f\x8b but then words", "", "damaged"),
    ],
)
def test_bad_input_is_named(team: Team, visit: Visit, body: object, where: str, says: str) -> None:
    response = visit(body)
    assert response.status_code == 400
    answer = decoded(response)
    assert says in answer["error"]
    assert answer.get("where", "") == where
    assert not Comment.objects.filter(project=team.new.project).exists()
    assert waiting(team.id) == []
    [(reason, sample)] = warnings(team)
    assert reason == answer["code"]
    assert "Hello?" not in sample
    assert ledger(team.id) == {"received": 1, f"refused {reason}": 1}


@pytest.mark.parametrize("context", [{"page": 3}, 5, {"page": {"url": 5}}, {"locale": ["de"], "timezone": 3}])
def test_a_context_of_another_shape_costs_nobody_their_words(
    team: Team, visit: Visit, context: object
) -> None:
    response = visit(SAID | {"context": context})
    assert response.status_code == 201
    assert [each["reason"] for each in decoded(response)["warnings"]] == ["field_ignored"]
    assert kept(team).text == SAID["text"]
    assert warnings(team) == [("field_ignored", "$comment ana")]
    assert ledger(team.id) == {"recorded": 1}


def test_no_warning_shows_what_somebody_said(team: Team, visit: Visit) -> None:
    """A comment that is refused may be sent again, kept, and deleted by its author: nothing of it may stay behind."""
    limited = key_for(team, "https://notes.example")
    said = {"userId": "ana", "text": "a secret", "reaction": "useful"}
    assert visit(said, key=limited, Origin="https://evil.example").status_code == 403
    assert visit(said | {"reaction": "meh"}).status_code == 400
    assert visit(said | {"userId": None}).status_code == 400
    assert visit(msgspec.json.encode(said)[:-1]).status_code == 400
    assert visit(said | {"userId": "null", "context": 5}).status_code == 201
    assert len(warnings(team)) == 6
    assert "secret" not in str(warnings(team))


def test_it_takes_twenty_thousand_characters(team: Team, visit: Visit) -> None:
    assert visit(SAID | {"text": "😀" * 20_000}).status_code == 201
    assert len(kept(team).text) == 20_000


@pytest.mark.parametrize(
    "body", [b"x" * 600_000, b"x" * 1_100_000, gzip.compress(b" " * 50_000_000, mtime=0)]
)
def test_too_much_is_not_read(team: Team, visit: Visit, body: bytes) -> None:
    response = visit(body)
    assert response.status_code == 413
    assert "500,000 bytes" in decoded(response)["error"]


def test_a_bomb_does_not_go_off(team: Team, visit: Visit) -> None:
    """Fifty megabytes of blanks in fifty kilobytes: they are not all inflated to find out that they are too many."""
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    visit(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_characters_that_cannot_be_kept_are_replaced(team: Team, visit: Visit) -> None:
    body = rb'{"userId":"a\u0000b","text":"cut \ud83d in two, whole \ud83d\ude00, escaped \\u0000","reaction":"useful"}'
    assert visit(body).status_code == 201
    assert kept(team).distinct_id == "a�b"
    assert kept(team).text == "cut � in two, whole 😀, escaped \\u0000"


def test_a_broken_address_is_left_out(team: Team, visit: Visit) -> None:
    assert visit(SAID | {"context": {"page": {"url": "http://[::1"}}}).status_code == 201
    assert kept(team).url == ""


@pytest.mark.parametrize("wrong", ["fhw_nobody", "", "Basic !!", "fhk"])
def test_a_stranger_is_refused(team: Team, visit: Visit, wrong: str) -> None:
    header = wrong if wrong.startswith("Basic") else basic(team.api_key if wrong == "fhk" else wrong)
    response = visit(SAID, Authorization=header)
    assert response.status_code == 401
    assert "write key" in decoded(response)["error"]


def test_a_revoked_key_is_refused(team: Team, visit: Visit) -> None:
    new = keys.create(team.new.project, Key.Kind.WRITE)
    Key.objects.filter(pk=new.key.pk).update(revoked_at=dt.datetime.now(dt.UTC))
    assert visit(SAID, key=new.text).status_code == 401


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
def test_only_the_project_s_origins_may_speak(team: Team, visit: Visit, origin: str, status: int) -> None:
    limited = key_for(team, "https://notes.example", "https://Beta.example")
    response = visit(SAID, key=limited, Origin=origin)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == origin


def test_a_browser_may_ask_first(door: LocalIngest) -> None:
    response = door.request("OPTIONS", "/v1/comments", headers={"Origin": "https://notes.example"})
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "https://notes.example"
    assert "authorization" in response.headers["Access-Control-Allow-Headers"]


def test_it_cannot_be_read(door: LocalIngest) -> None:
    response = door.request("GET", "/v1/comments")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")


def test_it_sets_no_cookie_and_needs_no_session(visit: Visit) -> None:
    assert not visit().cookies


def test_a_database_that_is_away_is_said_to_be(team: Team, visit: Visit) -> None:
    with database_away():
        response = visit()
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "messageId" in decoded(response)["error"]
    assert visit().status_code == 201


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


@settings(max_examples=examples(75))
@given(body=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=9) | ANYTHING)
def test_whatever_is_sent_is_taken_or_refused_with_a_reason(team: Team, visit: Visit, body: Any) -> None:
    response = visit(body)
    assert response.status_code in {200, 201, 400}
    answer = decoded(response)
    assert answer.get("receipt") or answer["error"]
    assert len(waiting(team.id)) == Comment.objects.filter(project=team.new.project).count()


@settings(max_examples=examples(50))
@given(
    raw=st.binary(max_size=60),
    header=st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30),
)
def test_whatever_bytes_come_nothing_breaks(team: Team, visit: Visit, raw: bytes, header: str) -> None:
    assert visit(raw).status_code == 400
    assert visit(gzip.compress(raw)).status_code == 400
    assert visit(SAID, Authorization=header).status_code == 401
    assert visit(SAID | {"messageId": header}, Origin=header).status_code in {200, 201}
