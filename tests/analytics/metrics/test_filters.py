"""What each operator says yes to, by the documented rules."""

import datetime as dt
from typing import Any

import ibis
import pytest

from analytics.lake.columns import values
from analytics.metrics.filters import Filter, matches_filter, property_text
from tests.analytics.metrics.histories import events_table
from tests.reference import Happened

VALUES: dict[str, Any] = {
    "text": "Pro Plan",
    "whole": 5,
    "fraction": 5.0,
    "written": "5",
    "bigger": 12,
    "true": True,
    "date": "2026-03-01",
    "list": [1, 2],
    "object": {"a": 1},
    "null": None,
}


def said_yes(engine: ibis.BaseBackend, op: Any, value: Any = None) -> set[str]:
    """For which of VALUES (and for one event that has no such property, "absent") the filter holds."""
    at = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)
    history = [Happened("Ana", name, at, {"plan": kept}) for name, kept in VALUES.items()]
    events = events_table([*history, Happened("Ana", "absent", at)])
    item = Filter("plan", op, value)
    found = engine.to_pyarrow(
        events.filter(matches_filter(property_text(events, "plan"), item)).select("event")
    )
    return set(values(found.column("event"), str))


EVERY = {*VALUES, "absent"}
UNSET = {"null", "absent"}


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("is", "Pro Plan", {"text"}),
        ("is", "pro plan", set()),
        ("is", 5, {"whole", "fraction", "written"}),
        ("is", "5", {"whole", "written"}),
        ("is", True, {"true"}),
        ("is", "true", {"true"}),
        ("is_not", 5, EVERY - {"whole", "fraction", "written"}),
        ("is_not", "Pro Plan", EVERY - {"text"}),
        ("in", ("Pro Plan", 12), {"text", "bigger"}),
        ("contains", "pro", {"text"}),
        ("contains", "2026", {"date"}),
        ("not_contains", "PRO", EVERY - {"text"}),
        ("matches", "^Pro", {"text"}),
        ("matches", "^pro", set()),
        ("matches", r"^\d+$", {"whole", "written", "bigger"}),
        ("gt", 5, {"bigger"}),
        ("gte", 5, {"whole", "fraction", "written", "bigger"}),
        ("lt", "12", {"whole", "fraction", "written"}),
        ("lte", 12.0, {"whole", "fraction", "written", "bigger"}),
        ("gte", "2026-02-01", {"text", "written", "true", "date", "list", "object", "whole", "fraction"}),
        ("set", None, EVERY - UNSET),
        ("not_set", None, UNSET),
    ],
)
def test_operators(engine: ibis.BaseBackend, op: str, value: Any, expected: set[str]) -> None:
    assert said_yes(engine, op, value) == expected


@pytest.mark.parametrize(
    ("kept", "asked"),
    [("İstanbul", "İSTAN"), ("ΟΔΟΣ ΑΘΗΝΑΣ", "οδοσ"), ("οδός", "ΟΔΌΣ"), ("İzmir", "izm"), ("Größe", "GRÖ")],
)
def test_letters_of_any_alphabet_are_found_in_any_case(
    engine: ibis.BaseBackend, kept: str, asked: str
) -> None:
    events = events_table([Happened("Ana", "open", dt.datetime(2026, 3, 20, tzinfo=dt.UTC), {"plan": kept})])
    condition = matches_filter(property_text(events, "plan"), Filter("plan", "contains", asked))
    assert engine.to_pyarrow(events.filter(condition)).num_rows == 1


def test_ids_beyond_the_numbers_that_a_float_can_tell_apart(engine: ibis.BaseBackend) -> None:
    """Two neighbours that are the same float64."""
    at, id = dt.datetime(2026, 3, 20, tzinfo=dt.UTC), 2**53
    history = [Happened("Ana", "open", at, {"plan": id}), Happened("Bo", "open", at, {"plan": id + 1})]
    events = events_table(history)
    condition = matches_filter(property_text(events, "plan"), Filter("plan", "is", id + 1))
    assert engine.to_pyarrow(events.filter(condition)).column("person_id").to_pylist() == [2]


def test_numbers_are_compared_as_numbers_not_as_texts(engine: ibis.BaseBackend) -> None:
    """As texts 12 would come before 5."""
    assert "bigger" in said_yes(engine, "gt", "5")


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        'quo"te',
        "dot.ted",
        "$set",
        "back\\slash",
        "ключ",
        "it's",
        "[0]",
        "*",
        "a/b",
        "a~1b",
        "",
        "0",
        "#-1",
    ],
)
def test_any_name_is_a_property(engine: ibis.BaseBackend, name: str) -> None:
    event = Happened("Ana", "open", dt.datetime(2026, 3, 20, tzinfo=dt.UTC), {name: "here", "other": "there"})
    events = events_table([event])
    found = engine.to_pyarrow(events.select(text=property_text(events, name)))
    assert found.column("text").to_pylist() == ["here"]


def test_a_column_of_events_comes_before_a_property_of_the_same_name(engine: ibis.BaseBackend) -> None:
    event = Happened("Ana", "open", dt.datetime(2026, 3, 20, tzinfo=dt.UTC), {"event": "mine"})
    events = events_table([event])
    both = events.select(column=property_text(events, "event"), own=property_text(events, "properties.event"))
    assert engine.to_pyarrow(both).to_pylist() == [{"column": "open", "own": "mine"}]


@pytest.mark.parametrize("written", ["nan", "inf", "1_000", " 5", "0x10", "1e999", "5."])
def test_what_engines_might_take_for_a_number_is_none(engine: ibis.BaseBackend, written: str) -> None:
    event = Happened("Ana", "open", dt.datetime(2026, 3, 20, tzinfo=dt.UTC), {"plan": written})
    events = events_table([event])
    condition = matches_filter(property_text(events, "plan"), Filter("plan", "gte", -1e299))
    assert engine.to_pyarrow(events.filter(condition)).num_rows == 0
