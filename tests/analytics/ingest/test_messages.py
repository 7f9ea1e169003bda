"""A visitor's message becomes an event for any characters and clocks, and its other fields stay readable."""

import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.ingest.accept import OLDEST, accept
from analytics.ingest.wire import segment
from analytics.ingest.wire.event import (
    MAX_AHEAD,
    Event,
    Payload,
    RequestRejectedError,
    WarningReason,
    request_context,
)

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text("\x00\\u0000\ud83d\ude00dD8", max_size=40)


def message(**fields: Any) -> Payload:
    return segment.parse_message("$comment", json.dumps({"userId": "ana"} | fields).encode())


def accepted(payload: Payload) -> Event:
    """The event after all steps, received at noon."""
    arrived = request_context(1, NOON, payload.sent_at, max_event=segment.MAX_BODY, reserved=frozenset())
    (event,) = accept(payload.events, arrived).events
    return event


def keepable(text: str) -> str:
    """What PostgreSQL can store of a text, by a simple reference implementation."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return joined.replace("\x00", "\ufffd")


@given(ANY_TEXT)
def test_any_text_that_a_browser_escapes_can_be_stored(text: str) -> None:
    """JSON.stringify escapes lone surrogates. Text without any is unchanged."""
    assert msgspec.json.decode(message(text=text).json)["text"] == keepable(text)


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
def test_only_lone_surrogates_are_replaced(sent: bytes, kept: str) -> None:
    payload = segment.parse_message("$comment", b'{"userId":"ana","text":' + sent + b"}")
    assert msgspec.json.decode(payload.json)["text"] == kept


@given(st.datetimes() | st.text(), st.none() | st.datetimes(timezones=st.timezones()) | st.text())
def test_every_message_has_a_plausible_time(said: object, sent: object) -> None:
    times = {"timestamp": said, "sentAt": sent}
    given = {
        name: each.isoformat() if isinstance(each, dt.datetime) else each for name, each in times.items()
    }
    event = accepted(message(**given))
    at = dt.datetime.fromisoformat(event.timestamp)
    assert OLDEST <= at <= NOON + MAX_AHEAD
    assert at == NOON or not {WarningReason.FUTURE, WarningReason.TOO_OLD} & set(event.warnings)


@given(
    st.timedeltas(dt.timedelta(days=-9000), dt.timedelta(days=9000)),
    st.timedeltas(dt.timedelta(0), dt.timedelta(days=9)),
)
def test_a_wrong_clock_is_corrected(wrong: dt.timedelta, ago: dt.timedelta) -> None:
    """The time between event and arrival equals the time between event and sending."""
    sent = NOON + wrong
    event = accepted(message(timestamp=(sent - ago).isoformat(), sentAt=sent.isoformat()))
    assert dt.datetime.fromisoformat(event.timestamp) == NOON - ago


@given(st.binary(max_size=200))
def test_bytes_that_are_not_an_object_are_rejected(raw: bytes) -> None:
    with pytest.raises(RequestRejectedError) as refused:
        segment.parse_message("$comment", b"[" + raw)
    assert refused.value.status == 400
    assert str(refused.value)


def test_fields_of_other_call_types_are_ignored() -> None:
    event = accepted(message(event="signup", type="identify", traits={"a": 1}, properties={"b": 2}))
    assert (event.event, event.properties, event.person_set, event.link) == ("$comment", "{}", "", "")
