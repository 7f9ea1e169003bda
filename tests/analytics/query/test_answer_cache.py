"""An answer is computed once, however many ask for it at the same time, and whatever becomes of who computes it."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from analytics import versions
from analytics.insights.questions import Question
from analytics.insights.trends.figures import SeriesFigures, TrendFigures
from analytics.query import answer_cache, answers
from analytics.query.answer_cache import Figures
from analytics.query.plan import plan
from projects.models import Project
from tests.analytics.query.questions import send
from tests.clock import day
from tests.config.installation import ROOT
from tests.people import Team
from tests.reference import Happened

QUESTION = answers.parse("trends", {"series": [{}], "from": "2020-06-10", "to": "2020-06-12"})


Counted = Figures[TrendFigures]


def remember(project: Project, compute: Callable[[], Counted], question: Question = QUESTION) -> Counted:
    return answer_cache.get_or_compute(plan(project, question), compute)


def figures(team: Team, count: int = 1, size: int = 3) -> Counted:
    bars = [count] * size
    return Figures(
        versions.current(team.id).number,
        TrendFigures([SeriesFigures(0, None, bars, bars, [0.0] * size, bars, None)]),
    )


class Engine:
    """Counts how often it was asked, and takes as long as it is told to."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.computed = 0
        self.at_work, self.may_end = threading.Event(), threading.Event()

    def compute(self) -> Counted:
        self.computed += 1
        self.at_work.set()
        assert self.may_end.wait(60)
        return figures(self.team, self.computed)


def ask(project: Project, compute: Callable[[], Counted]) -> Counted:
    try:
        return remember(project, compute)
    finally:
        connection.close()


def test_those_who_come_second_get_the_answer_of_the_first(team: Team) -> None:
    """Forty of them, who wait without a connection to the database: the pool has twelve."""
    engine = Engine(team)
    with ThreadPoolExecutor(40) as threads:
        asked = [threads.submit(ask, team.new.project, engine.compute) for _ in range(40)]
        assert engine.at_work.wait(60)
        for _ in range(20):
            assert Project.objects.filter(pk=team.id).exists()
        engine.may_end.set()
        answers = {str(each.result(60)) for each in asked}
    assert (engine.computed, len(answers)) == (1, 1)


def test_they_get_it_though_a_newer_version_came_meanwhile(team: Team) -> None:
    send(team, [Happened("Ana", "wrote", day(0))])
    engine = Engine(team)
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(ask, team.new.project, engine.compute) for _ in range(3)]
        assert engine.at_work.wait(60)
        send(team, [Happened("Bo", "wrote", day(0))])
        engine.may_end.set()
        found = [each.result(60).data_version for each in asked]
    assert (engine.computed, set(found)) == (1, {versions.current(team.id).number})


def test_a_failure_is_the_first_ones_alone(team: Team) -> None:
    failing, engine = threading.Event(), Engine(team)
    engine.may_end.set()

    def fail() -> Counted:
        failing.set()
        assert waiting.wait(60)
        raise MemoryError("too much")

    waiting = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        first: Future[Counted] = threads.submit(ask, team.new.project, fail)
        assert failing.wait(60)
        second = threads.submit(ask, team.new.project, engine.compute)
        waiting.set()
        with pytest.raises(MemoryError):
            first.result(60)
        assert second.result(60) == figures(team, 1)


PROGRAM = """
import sys, time, django
django.setup()
from projects.models import Project
from tests.analytics.query.test_answer_cache import remember
def compute():
    print("computing", flush=True)
    time.sleep(600)
remember(Project.objects.get(pk=int(sys.argv[1])), compute)
"""


def test_a_killed_process_frees_the_way_at_once(team: Team) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", PROGRAM, str(team.id)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "computing\n"
        engine = Engine(team)
        engine.may_end.set()
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(ask, team.new.project, engine.compute)
            assert not engine.at_work.wait(0.5), "the other process is at it"
            process.send_signal(signal.SIGKILL)
            assert asked.result(60) == figures(team, 1)
    assert engine.computed == 1


def test_another_question_does_not_wait(team: Team) -> None:
    engine = Engine(team)
    other = answers.parse("trends", {"series": [{}], "from": "2020-06-10", "to": "2020-06-13"})
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask, team.new.project, engine.compute)
        assert engine.at_work.wait(60)
        assert remember(team.new.project, lambda: figures(team, 5), other) == figures(team, 5)
        engine.may_end.set()
        assert asked.result(60) == figures(team, 1)


def test_an_answer_that_is_too_large_is_computed_each_time(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_cache, "MAX_BYTES", 200)
    engine = Engine(team)
    engine.may_end.set()
    for _ in range(2):
        remember(team.new.project, lambda: figures(team, engine.compute().data_version, 100))
    assert engine.computed == 2


def test_after_an_upgrade_nobody_sees_what_the_old_code_counted(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remember(team.new.project, lambda: figures(team, 1)) == figures(team, 1)
    monkeypatch.setattr(answer_cache, "_code", lambda: "the next release")
    assert remember(team.new.project, lambda: figures(team, 2)) == figures(team, 2)


def test_what_was_computed_and_how_long_it_took_is_logged(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, answer_cache.__name__):
        for _ in range(2):
            remember(team.new.project, lambda: figures(team))
    [line] = [record.getMessage() for record in caplog.records]
    assert f"of project {team.id} at data version 0: " in line


def test_a_caller_in_a_transaction_keeps_it_while_it_waits(team: Team) -> None:
    engine = Engine(team)
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        asked = threads.submit(ask, team.new.project, engine.compute)
        assert engine.at_work.wait(60)
        threading.Timer(0.2, engine.may_end.set).start()
        assert remember(team.new.project, engine.compute) == figures(team, 1)
        assert asked.result(60) == figures(team, 1)
        assert Project.objects.filter(pk=team.id).exists()
    assert engine.computed == 1
