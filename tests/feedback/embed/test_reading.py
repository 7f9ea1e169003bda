"""The small steps by which a comment is read, each held against anything that may come."""

import datetime as dt
import json
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.embed import body, wire
from feedback.embed.clock import AHEAD, OLDEST, moment
from feedback.embed.refusal import Refusal

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text("\x00\\u0000\ud83d\ude00dD8", max_size=40)


def keepable(text: str) -> str:
    """What PostgreSQL can keep of a text, said in the plainest way."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace("\x00", "\ufffd")


@given(ANY_TEXT)
def test_whatever_a_browser_escapes_can_be_read_and_kept(text: str) -> None:
    """JSON.stringify escapes lone surrogates; a text without any comes back as it was."""
    sent = json.dumps({"text": text}).encode()
    kept = msgspec.json.decode(body.mend(sent))["text"]
    assert kept.encode().decode() == kept
    assert "\x00" not in kept
    if keepable(text) == text:
        assert kept == text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\uD83D\uDE00"', "😀"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd😀"),
        (rb'"\\ud83d"', "\\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\u0000"', "\ufffd"),
        (rb'"\\u0000"', "\\u0000"),
    ],
)
def test_only_halves_are_mended(sent: bytes, kept: str) -> None:
    assert msgspec.json.decode(body.mend(sent)) == kept


@given(st.datetimes() | st.text(), st.none() | st.datetimes(timezones=st.timezones()) | st.text())
def test_every_comment_has_a_plausible_time(said: object, sent: object) -> None:
    texts = [at.isoformat() if isinstance(at, dt.datetime) else at for at in (said, sent)]
    found = moment(*texts, now=NOON)  # type: ignore[arg-type]
    assert OLDEST <= found.at <= NOON + AHEAD
    assert found.at.utcoffset() == dt.timedelta(0)
    assert found.at == NOON or not found.warning


@given(
    st.timedeltas(dt.timedelta(days=-9000), dt.timedelta(days=9000)),
    st.timedeltas(dt.timedelta(0), dt.timedelta(days=9)),
)
def test_a_wrong_clock_does_no_harm(wrong: dt.timedelta, ago: dt.timedelta) -> None:
    """However wrong it is: what was said so long before it was sent was said so long before it arrived."""
    sent = NOON + wrong
    assert moment((sent - ago).isoformat(), sent.isoformat(), now=NOON).at == NOON - ago


@given(st.text(min_size=1).filter(str.strip))
def test_a_message_id_is_one_id_in_one_project(given_id: str) -> None:
    first, again = (wire.message_id(wire.CommentBody(message_id=given_id), 1) for _ in range(2))
    assert first == again
    assert isinstance(first, uuid.UUID)


def test_two_projects_have_two_ids_for_one_text() -> None:
    sent = wire.CommentBody(message_id="my-first")
    assert wire.message_id(sent, 1) != wire.message_id(sent, 2)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_object_are_refused(raw: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        wire.decode(body.mend(b"[" + raw))
    assert refused.value.status == 400
    assert refused.value.message


@pytest.mark.parametrize(
    "address", ["http://[::1", "http://[not-an-address]/", "//[", "https://\u2100.example"]
)
def test_an_address_that_cannot_be_split_is_none(address: str) -> None:
    assert wire.url(wire.Context(page=wire.Page(url=address))) == ""
