"""Random stories, cut into random batches: the same people, each event once, and correct counters."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.enrich.batches import enrich
from analytics.models import DistinctId, LedgerEntry, Person
from tests import clock, people
from tests.examples import examples
from tests.journey import Journey

IDS = ["a", "b", "c", "d", "u1", "u2", "u3"]
"""Devices and users; any of them may turn up on either side."""


@dataclass(frozen=True)
class Step:
    """`act` is track, browse (an anonymous track), identify or alias; `repeats` sends it a second time."""

    act: str
    who: str
    other: str
    minute: int
    session: str | None
    repeats: bool


steps = st.lists(
    st.builds(
        Step,
        act=st.sampled_from(["track", "browse", "browse", "identify", "alias"]),
        who=st.sampled_from(IDS),
        other=st.sampled_from(IDS),
        minute=st.integers(0, 3000),
        session=st.sampled_from([None, "s1", "s2"]),
        repeats=st.booleans(),
    ),
    min_size=1,
    max_size=25,
)
batches = st.lists(st.integers(1, 12), min_size=1, max_size=10)


def expected(story: list[Step], proved: int) -> set[frozenset[str]]:
    """The rules of definitions.md in the simplest form: sets of ids, and which ids are user ids.

    Aliases from step `proved` on were sent with a secret key.
    """
    groups: list[set[str]] = []
    users: set[str] = set()

    def group(id: str) -> set[str]:
        found = next((group for group in groups if id in group), None)
        if found is None:
            groups.append(found := {id})
        return found

    for number, step in enumerate(story):
        mine = group(step.who)
        if step.act in ("identify", "alias") and step.who != step.other:
            theirs = group(step.other)
            both_users = theirs & users and (step.act == "identify" or mine & users)
            is_proved = step.act == "alias" and number >= proved
            if theirs is not mine and (is_proved or not both_users):
                mine |= theirs
                groups.remove(theirs)
        if step.act != "browse":
            users.add(step.who)
    return {frozenset(group) for group in groups}


def play(journey: Journey, story: list[Step]) -> None:
    for step in story:
        facts: dict[str, Any] = {"at": clock.day(0, minutes=step.minute), "session": step.session}
        facts["id"] = uuid.uuid4()
        for _ in range(2 if step.repeats else 1):
            match step.act:
                case "track":
                    journey.track(step.who, "did", **facts)
                case "browse":
                    journey.track(step.who, "did", known=False, **facts)
                case "identify":
                    journey.identify(step.who, device=step.other, **facts)
                case "alias":
                    journey.alias(step.who, step.other, **facts)


COUNTED = """
SELECT
    coalesce(p.merged_into_id, p.id),
    count(*),
    min(e."timestamp"),
    max(e."timestamp"),
    bool_and(coalesce(p.merged_into_id, p.id) = d.person_id)
FROM analytics_event e
JOIN analytics_person p ON p.id = e.person_id
JOIN analytics_distinct_id d ON d.project_id = e.project_id AND d.distinct_id = e.distinct_id
WHERE e.project_id = %s
GROUP BY 1
"""

SESSIONS = """
SELECT s.person_id, count(*), sum(s.events), bool_and(s.ended_at - s.started_at < interval '24 hours'),
    bool_and(s.events = (SELECT count(*) FROM analytics_event e WHERE e.session_id = s.id)),
    bool_and(s.ended_at = (SELECT max("timestamp") FROM analytics_event e WHERE e.session_id = s.id)),
    bool_and(s.started_at = (SELECT min("timestamp") FROM analytics_event e WHERE e.session_id = s.id))
FROM analytics_session s WHERE s.project_id = %s GROUP BY 1
"""


def rows(query: str, project: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [project])
        return list(cursor.fetchall())


def partition(project: int) -> set[frozenset[str]]:
    groups: dict[int, set[str]] = {}
    for person, id in DistinctId.objects.filter(project=project).values_list("person_id", "distinct_id"):
        groups.setdefault(person, set()).add(id)
    return {frozenset(ids) for ids in groups.values()}


@settings(max_examples=examples(25))
@given(story=steps, proved=st.integers(0, 25), cuts=batches)
def test_any_story_in_any_batches(story: list[Step], proved: int, cuts: list[int]) -> None:
    team = people.assemble()
    journey = Journey(team)
    play(journey, story[:proved])
    journey.send()
    play(journey, story[proved:])
    journey.send(key=team.people_key())
    turn = 0
    while enrich(cuts[turn % len(cuts)]).claimed:
        turn += 1

    assert partition(team.id) == expected(story, proved)
    counts = dict(LedgerEntry.objects.filter(project_id=team.id).values_list("outcome", "count"))
    assert counts.get("stored", 0) == len(story)
    assert counts.get("duplicate", 0) == sum(step.repeats for step in story)
    counted = rows(COUNTED, team.id)
    assert sum(count for _, count, *_ in counted) == len(story)
    assert all(right for *_, right in counted), "an event is where its distinct id is"
    sessions = {person: facts for person, *facts in rows(SESSIONS, team.id)}
    assert all(all(facts[2:]) for facts in sessions.values())
    for person, count, first, last, _ in counted:
        row = Person.objects.get(pk=person)
        assert row.merged_into is None
        assert (row.events, row.first_seen, row.last_seen) == (count, first, last)
        assert row.sessions == sessions.get(person, [0])[0]
