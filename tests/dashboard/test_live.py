"""Live pages: whoever looks at Mina's page hears of every change that it shows, and of nothing else."""

import asyncio
import os
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction

from analytics.identity.merges import merge, undo
from analytics.query.persons import find_person
from dashboard.live import changes
from dashboard.live.endpoint import LivePages
from dashboard.live.listener import MAX_TOPICS, Listener, NotListeningError
from feedback.comments import delete_comment
from projects import creation
from tests import clock
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team, assemble

PATIENCE = 20.0


def heard(topics: list[str], happens: Callable[[], object]) -> set[str]:
    """The topics that change while something happens, as one web process hears it."""
    project = creation.create_project("Signal").project.pk

    async def listen() -> set[str]:
        listener = Listener(os.environ["DATABASE_URL"])
        task = asyncio.create_task(listener.run())
        try:
            await _until(lambda: _latest(listener, "0") is not None)
            await asyncio.to_thread(_in_its_own_connection, happens)
            # Notifications come in order: once this last one is there, so are all before it.
            await asyncio.to_thread(_in_its_own_connection, lambda: changes.publish(project))
            await _until(lambda: _latest(listener, str(project)))
            return {topic for topic in topics if listener.latest(topic)}
        finally:
            task.cancel()

    return asyncio.run(listen())


def _in_its_own_connection(happens: Callable[[], object]) -> None:
    try:
        happens()
    finally:
        connection.close()


def _latest(listener: Listener, topic: str) -> str | None:
    try:
        return listener.latest(topic)
    except NotListeningError:
        return None


async def _until(happens: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not happens():
            await asyncio.sleep(0.01)


@pytest.fixture
def mina(team: Team) -> Team:
    Journey(team).identify("mina").identify("noah").enriched()
    return team


def topic(team: Team, who: str) -> str:
    return f"{team.id}/{find_person(team.new.project, who)}"


def test_an_event_changes_its_person_and_its_project_only(mina: Team) -> None:
    other = assemble()
    theirs = [topic(mina, "mina"), topic(mina, "noah"), str(mina.id), str(other.id)]
    assert heard(theirs, Journey(mina).track("mina", "saved").enriched) == {theirs[0], theirs[2]}


def test_nothing_is_heard_of_what_is_rolled_back(mina: Team) -> None:
    @transaction.atomic
    def rolled_back() -> None:
        changes.publish(mina.id)
        transaction.set_rollback(True)

    assert heard([str(mina.id)], rolled_back) == set()


def test_a_comment_is_heard_when_it_is_left_and_when_it_is_deleted(mina: Team) -> None:
    page, left = topic(mina, "mina"), []
    assert heard([page], lambda: left.append(say(mina, "mina", "Where is it?"))) == {page}
    assert heard([page], lambda: delete_comment(left[0])) == {page}


def test_a_merge_and_its_undo_are_heard_by_both(mina: Team) -> None:
    project, both = mina.new.project, [topic(mina, "mina"), topic(mina, "noah")]
    persons = [int(each.split("/")[1]) for each in both]
    links = []
    assert heard(both, lambda: links.append(merge(project, *persons, by="ana"))) == set(both)
    assert heard(both, lambda: undo(links[0], by="ana")) == set(both)


def test_signing_in_is_heard_by_the_page_of_the_browser(team: Team) -> None:
    Journey(team).track("laptop", "looked", known=False).enriched()
    page = topic(team, "laptop")
    assert heard([page], Journey(team).identify("ana", device="laptop", at=clock.day(1)).enriched) == {page}


def test_new_numbers_are_heard_by_the_project(mina: Team) -> None:
    from analytics.pipeline import until_idle

    assert heard([str(mina.id)], until_idle) == {str(mina.id)}


def test_a_crowd_is_announced_as_everyone(team: Team) -> None:
    journey = Journey(team)
    for number in range(changes.MAX_PEOPLE + 1):
        journey.track(f"user-{number}", "came")
    journey.enriched()
    pages = [topic(team, "user-0"), topic(team, "user-7")]
    for number in range(changes.MAX_PEOPLE + 1):
        journey.track(f"user-{number}", "left")
    assert heard(pages, journey.enriched) == set(pages)


def test_as_many_ids_as_there_may_be_fit_into_a_notification(mina: Team) -> None:
    largest = range(2**63 - changes.MAX_PEOPLE, 2**63)
    assert heard([f"{mina.id}/{2**63 - 1}"], lambda: changes.publish(mina.id, largest))


def test_old_topics_are_forgotten() -> None:
    listener = Listener("")
    for person in range(MAX_TOPICS + 10):
        listener.remember(f"5 1 {person}")
    assert len(listener) == MAX_TOPICS


def ask(pages: LivePages, token: str) -> tuple[int, str]:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    asyncio.run(pages({"type": "http", "path": f"/live/{token}"}, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


@pytest.fixture
def pages() -> LivePages:
    return LivePages(os.environ["DATABASE_URL"])


def test_without_the_database_it_says_so(pages: LivePages) -> None:
    status, text = ask(pages, changes.token(1, 2))
    assert status == 503
    assert "unreachable" in text


@pytest.mark.parametrize("token", ["", "1", "1/2:abc:def", "x" * 10_000, "1/2%00", "é"])
def test_a_forged_token_is_refused(pages: LivePages, token: str) -> None:
    assert ask(pages, token)[0] == 403


def test_a_token_of_another_page_is_refused(pages: LivePages) -> None:
    mine = changes.token(1, 2)
    assert changes.topic(mine) == "1/2"
    assert changes.topic(mine.replace("1/2", "1/3")) is None


def test_a_token_expires_after_a_day(pages: LivePages) -> None:
    with time_machine.travel(clock.D0, tick=False):
        token = changes.token(1)
        assert changes.topic(token) == "1"
    with time_machine.travel(clock.day(1), tick=False):
        assert changes.topic(token) is None
