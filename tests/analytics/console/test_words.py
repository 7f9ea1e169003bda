"""Events as sentences, moments as words, people as initials: without a database."""

import datetime as dt
import json
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.console.sentences import facts, sentence
from analytics.query.events import Event
from dashboard import formats, tags

NOW = dt.datetime(2026, 11, 21, 15, 0, tzinfo=dt.UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def event(name: str, path: Any = None, title: Any = None, **details: Any) -> Event:
    known: dict[str, object] = dict.fromkeys(Event.__struct_fields__)
    known |= {"id": uuid.uuid4(), "sequence": 1, "event": name, "timestamp": NOW, "received_at": NOW}
    known |= {
        "person": 1,
        "distinct_id": "ana",
        "path": path,
        "title": title,
        "properties": msgspec.Raw(json.dumps(details).encode()),
    }
    return Event(**known)  # type: ignore[arg-type]


def used(kind: str, chain: str, text: str = "") -> Event:
    """An autocaptured event, as posthog-js describes its element."""
    return event("$autocapture", **{"$event_type": kind, "$elements_chain": chain, "$el_text": text})


def told(happened: Event) -> str:
    spoken = sentence(happened, happened.details)
    return " ".join(part for part in (spoken.verb, spoken.subject, spoken.detail) if part)


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        (event("$pageview", "/pricing"), "viewed /pricing"),
        (event("$pageview"), "viewed a page"),
        (event("$pageleave", "/pricing"), "left /pricing"),
        (event("$screen", **{"$screen_name": "Inbox"}), "opened Inbox"),
        (event("$identify"), "was identified as ana"),
        (event("$create_alias", alias="ana@example.com"), "got another id, ana@example.com"),
        (event("$set"), "facts were updated"),
        (event("$pageview", "/pricing", title="Pricing"), "viewed Pricing /pricing"),
        (event("$pageview", title="  Our\n prices "), "viewed Our prices"),
        (event("$pageleave", "/pricing", title="Pricing"), "left Pricing /pricing"),
        (event("$create_alias", **{"$previous_id": "device"}), "got another id, device"),
        (event("$autocapture", **{"$el_text": "Save"}), "clicked Save"),
        (
            used("click", 'button:attr__aria-label="Close \\"News\\"; all"text="×";body:', "×"),
            'clicked Close "News"; all',
        ),
        (used("click", 'svg:attr__class="icon";button:attr__aria-label="Close"'), "clicked something"),
        (used("change", 'input:attr__aria-label="Your e-mail"attr__name="email"'), "changed Your e-mail"),
        (
            used("change", 'input.big:attr__name="email"nth-child="1";form:attr__name="order"'),
            "changed email",
        ),
        (used("change", "input:"), "changed a field"),
        (used("submit", 'form:attr__id="order"attr_id="order"'), "submitted order"),
        (used("submit", ""), "submitted a form"),
        (
            event("$autocapture", **{"$el_text": "×", "$el_label": "Close the banner"}),
            "clicked Close the banner",
        ),
        (event("$autocapture", **{"$el_selector": "#order > button"}), "clicked #order > button"),
        (event("$rageclick", **{"$el_text": "Save"}), "clicked repeatedly on Save"),
        (event("$dead_click", **{"$el_text": "Save"}), "clicked, and nothing happened: Save"),
        (event("$web_vitals", "/pricing", **{"$web_vitals_LCP_value": 1234}), "loaded /pricing 1.2 s"),
        (
            event(
                "$web_vitals", "/pricing", **{"$web_vitals_FCP_value": 5210.4, "$web_vitals_rating": "poor"}
            ),
            "waited for /pricing 5.2 s",
        ),
        (event("$web_vitals", "/pricing", **{"$web_vitals_LCP_value": 10**400}), "loaded /pricing"),
        (
            event(
                "$exception", **{"$exception_list": [{"type": "TypeError", "value": "x is undefined"}, {}]}
            ),
            "met an error, TypeError: x is undefined",
        ),
        (event("$exception", **{"$exception_list": ["x"]}), "met an error, unnamed"),
        (
            event("$exception", **{"$exception_type": "TypeError", "$exception_message": "x"}),
            "met an error, TypeError: x",
        ),
        (event("$exception", **{"$exception_type": ["a", "list"]}), "met an error, unnamed"),
        (event("$groupidentify", **{"$group_key": 7}), "joined 7"),
        (event("$comment", text="Nice"), "left a comment"),
        (event("note_created"), "note created"),
        (event("Signed Up"), "Signed Up"),
        (event("$"), "$"),
        (event("___"), "___"),
    ],
)
def test_events_are_sentences(happened: Event, expected: str) -> None:
    assert told(happened) == expected


@given(name=st.text(min_size=1), details=st.dictionaries(st.text(), JSON, max_size=5))
def test_whatever_a_client_sends_can_be_told(name: str, details: dict[str, object]) -> None:
    for called in (name, "$pageview", "$exception", "$comment", "$autocapture", "$rageclick", "$web_vitals"):
        happened = event("came")
        happened = msgspec.structs.replace(happened, event=called)
        assert sentence(happened, details).verb
        assert all(isinstance(value, str) for _, value in facts(called, details))


def test_clients_own_properties_are_left_out() -> None:
    assert facts("came", {"$lib": "web", "plan": "free", "seats": 4, "beta": True, "": 1}) == [
        ("plan", "free"),
        ("seats", "4"),
        ("beta", "true"),
    ]


def test_neither_a_write_key_nor_missing_values_are_shown() -> None:
    assert facts("came", {"token": "fhw_x", "distinct_id": "ana", "category": None, "seats": 0}) == [
        ("seats", "0")
    ]


def test_a_page_is_not_told_twice() -> None:
    page = {"url": "https://shop.example/a", "path": "/a", "title": "A", "plan": "free"}
    assert facts("$pageview", page) == [("plan", "free")]
    assert ("url", "https://shop.example/a") in facts("link_shared", page)


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (dt.timedelta(seconds=5), "just now"),
        (dt.timedelta(minutes=5), "5 min ago"),
        (dt.timedelta(hours=3), "3 h ago"),
        (dt.timedelta(hours=20), "yesterday"),
        (dt.timedelta(days=3), "3 days ago"),
        (dt.timedelta(days=30), "22 Oct"),
        (dt.timedelta(days=400), "17 Oct 2025"),
        (dt.timedelta(seconds=-5), "just now"),
        (dt.timedelta(days=-400), "26 Dec 2027"),
    ],
)
def test_moments_are_words(past: dt.timedelta, expected: str) -> None:
    assert formats.ago(NOW - past, NOW) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ana Lindqvist", "AL"),
        ("ana@example.com", "A"),
        ("ana.lindqvist@example.com", "AL"),
        ("Cher", "C"),
        ("小明", "小"),
        ("", "?"),
        ("  ", "?"),
        ("<script>", "?"),
        ("Ana Maria de la Cruz", "AM"),
    ],
)
def test_initials(name: str, expected: str) -> None:
    assert tags.initials(name) == expected


@given(st.integers() | st.text())
def test_a_person_keeps_their_colour(key: int | str) -> None:
    assert 0 <= tags.hue(key) < tags.HUES
    assert tags.hue(key) == tags.hue(key)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h 00 min"), (7265, "2 h 01 min")],
)
def test_durations(seconds: int, expected: str) -> None:
    assert tags.seconds(seconds) == expected


@pytest.mark.parametrize(
    ("name", "properties", "said"),
    [
        ("$reply", {"comment": "c", "reply": "r"}, "replied in the thread of a comment"),
        ("$verdict", {"comment": "c", "verdict": "works"}, "said that it works now"),
        ("$verdict", {"comment": "c", "verdict": "still_not"}, "said that it still does not work"),
        ("$answer", {"prompt": 7}, "answered a question"),
    ],
)
def test_a_conversation_is_told_without_ids(name: str, properties: dict[str, Any], said: str) -> None:
    told = sentence(event(name, **properties), properties)
    assert (told.verb, told.subject) == (said, "")
