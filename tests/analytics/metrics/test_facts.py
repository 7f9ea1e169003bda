"""Facts have history: the value as of a moment, and what changed when, as the plain reference says."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.expr import types as ir
from ibis.expr.schema import Schema

from analytics.lake.columns import arrow_schema
from analytics.metrics import facts
from tests.analytics.metrics.spark import spark_sql
from tests.examples import examples
from tests.reference import value_as_of

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
ANA, BO = 1, 2
NAMES = ["plan", "", "a/b", "m~n", 'quo"te', "*", "$.plan", "ключ"]
EVENTS = arrow_schema(
    person_id=pa.int64(),
    timestamp=pa.timestamp("us", "UTC"),
    sequence=pa.int64(),
    id=pa.binary(),
    properties=pa.string(),
)
Told = tuple[int, int, dict[str, Any], dict[str, Any]]
"""Who, how many minutes after noon, what was set, what was set once."""


def events(story: Sequence[Told]) -> ir.Table:
    rows = [
        {
            "person_id": who,
            "timestamp": NOON + dt.timedelta(minutes=minute),
            "sequence": number,
            "id": number.to_bytes(16, "big"),
            "properties": json.dumps({"price": 3, "$set": sets, "$set_once": sets_once}),
        }
        for number, (who, minute, sets, sets_once) in enumerate(story)
    ]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=EVENTS))


def answer(engine: ibis.BaseBackend, story: Sequence[Told], name: str, minute: int) -> dict[int, str]:
    values = facts.as_of(facts.assertions(events(story)), name, NOON + dt.timedelta(minutes=minute))
    found = engine.to_pyarrow(values).to_pylist()
    return {row["person_id"]: row["value"] for row in found}


def test_the_last_value_set_is_the_value(engine: ibis.BaseBackend) -> None:
    story: list[Told] = [
        (ANA, 0, {"plan": "free"}, {}),
        (ANA, 10, {"plan": "pro"}, {}),
        (BO, 5, {"plan": "team"}, {}),
    ]
    assert answer(engine, story, "plan", -1) == {}
    assert answer(engine, story, "plan", 9) == {ANA: "free", BO: "team"}
    assert answer(engine, story, "plan", 10) == {ANA: "pro", BO: "team"}


def test_set_once_is_the_first_and_gives_way_to_set(engine: ibis.BaseBackend) -> None:
    story: list[Told] = [
        (ANA, 5, {}, {"source": "mail"}),
        (ANA, 1, {}, {"source": "ad"}),
        (ANA, 9, {"source": "shop"}, {}),
    ]
    assert [answer(engine, story, "source", minute).get(ANA) for minute in (0, 1, 5, 9)] == [
        None,
        "ad",
        "ad",
        "shop",
    ]


def test_at_the_same_moment_arrival_decides(engine: ibis.BaseBackend) -> None:
    story: list[Told] = [(ANA, 0, {"plan": "a"}, {"source": "a"}), (ANA, 0, {"plan": "b"}, {"source": "b"})]
    assert answer(engine, story, "plan", 0) == {ANA: "b"}
    assert answer(engine, story, "source", 0) == {ANA: "a"}


def test_null_takes_a_value_away_and_never_fills_a_gap(engine: ibis.BaseBackend) -> None:
    story: list[Told] = [
        (ANA, 0, {"plan": "pro"}, {"source": None}),
        (ANA, 1, {"plan": None}, {"source": "ad", "plan": "x"}),
    ]
    assert answer(engine, story, "plan", 1) == {}
    assert answer(engine, story, "source", 1) == {ANA: "ad"}


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\n\"b'", "a\n\"b'"), (True, "true"), (3, "3"), (0.5, "0.5"), ([1, "a"], '[1,"a"]'), ({"a": 1}, '{"a":1}'),
     ("null", "null"), ("x" * 20_000, "x" * 20_000), (2**70, str(2**70))],
)  # fmt: skip
def test_values_are_read_as_text(engine: ibis.BaseBackend, value: Any, text: str) -> None:
    for name in NAMES:
        assert answer(engine, [(ANA, 0, {name: value}, {})], name, 0) == {ANA: text}


def test_only_objects_assert_anything(engine: ibis.BaseBackend) -> None:
    told = [{"$set": 5}, {"$set": None}, {"$set": ["plan"]}, {"deep": {"$set": {"plan": "pro"}}}, {}]
    rows = [
        {"person_id": ANA, "timestamp": NOON, "sequence": 1, "id": b"", "properties": json.dumps(properties)}
        for properties in told
    ]
    assert (
        engine.to_pyarrow(facts.assertions(ibis.memtable(pa.Table.from_pylist(rows, schema=EVENTS)))).num_rows
        == 0
    )


values = st.sampled_from(["free", "pro", 3, None])
told = st.dictionaries(st.sampled_from(["plan", "a/b"]), values, max_size=2)
stories = st.lists(st.tuples(st.sampled_from([ANA, BO]), st.integers(0, 8), told, told), max_size=14)


@settings(max_examples=examples(50))
@given(story=stories, minute=st.integers(-1, 9))
def test_any_history_is_what_the_reference_says(
    engine: ibis.BaseBackend, story: list[Told], minute: int
) -> None:
    for name in ("plan", "a/b"):
        expected = {}
        for who in (ANA, BO):
            happened = [
                (NOON + dt.timedelta(minutes=at), number, sets, sets_once)
                for number, (each, at, sets, sets_once) in enumerate(story)
                if each == who and at <= minute
            ]
            if (value := value_as_of(happened, name)) is not None:
                expected[who] = str(value)
        assert answer(engine, story, name, minute) == expected


@settings(max_examples=examples(50))
@given(story=stories)
def test_changes_are_the_steps_between_the_values(engine: ibis.BaseBackend, story: list[Told]) -> None:
    found = engine.to_pyarrow(facts.changes(facts.assertions(events(story)))).to_pylist()
    steps: dict[tuple[int, str], list[tuple[int, Any, Any]]] = {}
    for who in (ANA, BO):
        for name in ("plan", "a/b"):
            mine = sorted(
                (at, number, sets, sets_once)
                for number, (each, at, sets, sets_once) in enumerate(story)
                if each == who
            )
            moments = [(NOON + dt.timedelta(minutes=at), number, s, o) for at, number, s, o in mine]
            known = [value_as_of(moments[:length], name) for length in range(len(mine) + 1)]
            steps[who, name] = [
                (mine[place][1], known[place], known[place + 1])
                for place in range(len(mine))
                if known[place] != known[place + 1]
            ]
    said: dict[tuple[int, str], list[tuple[int, Any, Any]]] = {key: [] for key in steps}
    for row in sorted(found, key=lambda row: (row["at"], row["sequence"])):
        before, after = (None if row[name] is None else json.loads(row[name]) for name in ("before", "value"))
        said[row["person_id"], row["property"]].append((row["sequence"], before, after))
    assert said == steps


def test_spark_gets_the_same_question() -> None:
    table = ibis.table(Schema.from_pyarrow(EVENTS), name="events")
    told = facts.assertions(table)
    for expression in (facts.as_of(told, "plan", NOON), facts.changes(told)):
        assert "ROW_NUMBER" in spark_sql(expression).upper()
