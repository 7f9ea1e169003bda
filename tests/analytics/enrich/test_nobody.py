"""Events that are nobody's: stored and counted, and in no count of people, however batches are cut."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.enrich.batches import enrich
from analytics.identity import redirects
from analytics.ingest.local import LocalIngest
from analytics.models import DistinctId, LedgerEntry, Person, Session
from tests import clock, people
from tests.examples import examples
from tests.people import Team

IDS = ["made up", "device", "ana"]
SERVER = {"$lib": "posthog-python", "$process_person_profile": False}


@dataclass(frozen=True)
class Step:
    """`act` is personless (a server's event), person (any other), group, identify or alias."""

    act: str
    who: str
    other: str
    at: int


def event(step: Step) -> dict[str, Any]:
    sent: dict[str, Any] = {"uuid": str(uuid.uuid4()), "distinct_id": step.who}
    sent |= {"timestamp": clock.day(0, minutes=step.at).isoformat(), "event": "did", "properties": {}}
    match step.act:
        case "personless":
            sent["properties"] = SERVER | {"$set": {"plan": step.who}, "$session_id": "s1"}
        case "person":
            sent["properties"] = {"$set": {"seen": True}}
        case "group":
            sent |= {"event": "$groupidentify", "properties": {"$group_type": "company", "$group_key": "a"}}
        case "identify":
            sent |= {"event": "$identify", "properties": {"$anon_distinct_id": step.other}}
        case "alias":
            alias = {"distinct_id": step.other, "alias": step.who}
            sent |= {"event": "$create_alias", "properties": alias}
    return sent


def send(team: Team, story: list[Step]) -> None:
    with LocalIngest() as ingest:
        batch = {"api_key": team.write_key, "batch": [event(step) for step in story]}
        assert ingest.post("/batch/", batch).status_code == 200


def nobodys(story: list[Step]) -> list[bool]:
    """The rule in its simplest form: nobody's, if no event before it named the id as somebody's."""
    known: set[str] = set()
    found = []
    for step in story:
        personless = step.act in ("personless", "group")
        found.append(personless and step.who not in known)
        if not personless:
            known.add(step.who)
        if step.act in ("identify", "alias"):
            known.add(step.other)
    return found


def stored(team: Team) -> list[tuple[int | None, str, int | None]]:
    """Person, distinct id and session of each event, in order of arrival."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person_id, distinct_id, session_id FROM analytics_event WHERE project_id = %s ORDER BY sequence",
            [team.id],
        )
        return list(cursor.fetchall())


steps = st.builds(
    Step,
    act=st.sampled_from(["personless", "personless", "group", "person", "identify", "alias"]),
    who=st.sampled_from(IDS),
    other=st.sampled_from(IDS),
    at=st.integers(0, 90),
)


@settings(max_examples=examples(30))
@given(
    story=st.lists(steps, min_size=1, max_size=12), cuts=st.lists(st.integers(1, 6), min_size=1, max_size=5)
)
def test_it_is_decided_in_order_of_arrival_in_any_batches(story: list[Step], cuts: list[int]) -> None:
    team = people.assemble()
    send(team, story)
    turn = 0
    while enrich(cuts[turn % len(cuts)]).claimed:
        turn += 1

    rows, expected = stored(team), nobodys(story)
    assert [person is None for person, *_ in rows] == expected
    assert all(session is None for person, _, session in rows if person is None)
    counts = LedgerEntry.objects.filter(project_id=team.id, outcome="stored").values_list("reason", "count")
    assert dict(counts) == {
        reason: number
        for reason, number in (("", expected.count(False)), ("no_person", expected.count(True)))
        if number
    }
    for person in Person.objects.filter(project=team.id, merged_into=None):
        theirs = {
            id for id, who in DistinctId.objects.filter(project=team.id).values_list("distinct_id", "person")
            if redirects.current(team.id, who) == person.pk
        }  # fmt: skip
        told = [
            step for step, nobody in zip(story, expected, strict=True) if step.who in theirs and not nobody
        ]
        assert person.events == len(told)
        assert ("plan" in person.properties) == any(step.act == "personless" for step in told)


def test_fifteen_events_of_servers_make_no_people(team: Team) -> None:
    send(team, [Step("personless", f"made up {number}", "", number) for number in range(12)])
    send(team, [Step("group", f"group {number}", "", number) for number in range(3)])
    while enrich().claimed:
        pass
    assert [person for person, *_ in stored(team)] == [None] * 15
    assert not Person.objects.filter(project=team.id).exists()
    assert not DistinctId.objects.filter(project=team.id).exists()
    assert not Session.objects.filter(project=team.id).exists()


def test_who_is_known_later_keeps_only_what_came_later(team: Team) -> None:
    story = [
        Step("personless", "ana", "", 0),
        Step("identify", "ana", "device", 1),
        Step("personless", "ana", "", 2),
    ]
    send(team, story)
    while enrich(2).claimed:
        pass
    (ana,) = Person.objects.filter(project=team.id, merged_into=None)
    assert [person for person, *_ in stored(team)] == [None, ana.pk, ana.pk]
    assert (ana.events, ana.properties) == (2, {"plan": "ana"})
