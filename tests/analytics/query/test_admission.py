"""Questions are bounded in time, memory and number: a heavy one ends, and leaves room for others."""

import threading
from contextlib import ExitStack

import ibis
import psutil
import pyarrow as pa
import pytest
from ibis.expr import types as ir
from pytest_django.fixtures import Settings

from analytics import engine
from analytics.api.errors import respond
from analytics.engine import Tables, TooHeavyError
from analytics.query import admission
from config.limits import QUESTIONS, QUESTIONS_PER_PROJECT
from tests import clock
from tests.analytics.api.client import Api
from tests.config.installation import eventually
from tests.journey import Journey
from tests.people import Team, assemble

QUESTION = {"from": "2020-06-10", "to": "2020-06-12", "series": [{"event": "signup", "measure": "people"}]}


def heavy(tables: Tables, rows: int = 20_000) -> ir.Table:
    """Every row with every other, three times: nobody waits for the end of it."""
    one, two, three = (tables.table(pa.table({name: list(range(rows))})) for name in "abc")
    triples = one.cross_join(two).cross_join(three)
    return triples.aggregate(most=(triples["a"] * triples["b"] % 7 + triples["c"]).max())


@pytest.fixture
def api(team: Team) -> Api:
    return Api(team.api_key)


def large(tables: Tables) -> ir.Table:
    """A list of sixteen million numbers, which the engine cannot move to the disk."""
    one, two = (tables.table(pa.table({name: list(range(4_000))})) for name in "ab")
    return one.cross_join(two).aggregate(all=(one["a"] * two["b"]).collect())


def test_a_question_that_takes_too_long_is_stopped(team: Team, settings: Settings) -> None:
    settings.QUESTION_SECONDS = 1
    told = "longer than 1 s; choose fewer days"
    with pytest.raises(TooHeavyError, match=told), engine.snapshot(team.id, place=0) as tables:
        tables.run(heavy(tables))
    with engine.snapshot(team.id, place=0) as tables:
        assert tables.run(tables.table(pa.table({"number": [1]}))).num_rows == 1


def test_what_is_no_question_may_take_its_time(team: Team, settings: Settings) -> None:
    settings.QUESTION_SECONDS = 0
    with engine.snapshot(team.id) as tables:
        assert tables.run(heavy(tables, 100))["most"].to_pylist() == [105]


def test_a_question_that_needs_too_much_memory_is_stopped(team: Team, settings: Settings) -> None:
    settings.QUESTION_MEMORY = "64MB"
    engine._database.cache_clear()
    told = "more than 64MB of memory; choose fewer days"
    try:
        with pytest.raises(TooHeavyError, match=told), engine.snapshot(team.id, place=0) as tables:
            tables.run(large(tables))
    finally:
        engine._database.cache_clear()


def test_memory_is_given_back(team: Team) -> None:
    before = psutil.Process().memory_info().rss
    with engine.snapshot(team.id) as tables:
        numbers = tables.table(pa.table({"number": list(range(400))}))
        texts = numbers.mutate(text=numbers["number"].cast("string").lpad(1_000_000, "x"))
        ranked = texts.mutate(
            rank=ibis.row_number().over(order_by=texts["text"]), longest=texts["text"].max().over()
        )
        found = tables.run(ranked.filter(ranked["rank"] < 1).select("rank", size=ranked["longest"].length()))
    assert found["size"].to_pylist() == [1_000_000]
    eventually(lambda: psutil.Process().memory_info().rss - before < 150 << 20, "memory to be given back")


def test_the_api_says_what_to_narrow() -> None:
    problem = respond(TooHeavyError("this takes longer than 30 s; choose fewer days"), {})
    assert problem.status_code == 422
    assert (
        problem.data["detail"] == "the question was stopped: this takes longer than 30 s; choose fewer days"
    )


def test_one_project_leaves_room_for_another(team: Team, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "QUESTION_WAIT_SECONDS", 0)
    bo = assemble()
    for each in (team, bo):
        Journey(each).track("ana", "signup", at=clock.day(0)).through()
    with ExitStack() as running:
        for _ in range(QUESTIONS_PER_PROJECT):
            running.enter_context(admission.place(team.id))
        refused = api.post("insights/trends", QUESTION)
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert "too many questions" in refused.json["detail"]
        assert Api(bo.api_key).post("insights/trends", QUESTION).status == 200
    assert api.post("insights/trends", QUESTION).status == 200


def test_no_more_questions_than_places(team: Team) -> None:
    with ExitStack() as running:
        places = {running.enter_context(admission.place(project)) for project in range(QUESTIONS)}
        assert places == set(range(QUESTIONS))
        with pytest.raises(admission.BusyError):
            running.enter_context(admission.place(team.id))
    with admission.place(team.id) as place:
        assert place in places


def test_a_waiting_question_is_answered_when_there_is_room(team: Team) -> None:
    answered = []

    def ask() -> int:
        with admission.place(team.id) as place:
            return place

    with ExitStack() as running:
        for _ in range(QUESTIONS_PER_PROJECT):
            running.enter_context(admission.place(team.id))
        waiting = threading.Thread(target=lambda: answered.append(admission.queued(ask)))
        waiting.start()
    waiting.join()
    assert len(answered) == 1
