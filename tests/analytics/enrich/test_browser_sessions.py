"""Browsers and apps that send no session id: their events form sessions, as in the naive reference, in any batches."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterator, Sequence

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.enrich.batches import enrich
from analytics.models import Person, Session
from tests import clock, people, reference
from tests.examples import examples
from tests.journey import Journey
from tests.people import Team
from tests.reference import Visit

PAGE = {"page": {"path": "/"}}
Found = set[tuple[dt.datetime, dt.datetime, frozenset[dt.datetime]]]
"""Start, end and times of the events of each session."""


def at(minute: float) -> dt.datetime:
    return clock.day(0, minutes=minute)


def send(team: Team, visits: Sequence[Visit]) -> None:
    journey = Journey(team)
    for visit in visits:
        if visit.device is None:
            journey.track(visit.person, "paid", at=visit.at)
        else:
            journey.track(visit.person, "read", at=visit.at, device=visit.device, context=PAGE)
    journey.send()


def cut(visits: Sequence[Visit], sizes: Sequence[int]) -> Iterator[Sequence[Visit]]:
    done = turn = 0
    while done < len(visits):
        size = sizes[turn % len(sizes)]
        yield visits[done : done + size]
        done, turn = done + size, turn + 1


def stored(team: Team) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT s.started_at, s.ended_at, array_agg(e."timestamp") FROM analytics_session s'
            " JOIN analytics_event e ON e.session_id = s.id WHERE s.project_id = %s GROUP BY s.id",
            [team.id],
        )
        return {(start, end, frozenset(times)) for start, end, times in cursor.fetchall()}


def expected(batches: Iterator[Sequence[Visit]]) -> Found:
    return {
        (session.start, session.end, frozenset(visit.at for visit in session.visits))
        for session in reference.sessions(batches)
    }


def id_of(project: int, device: str, start: dt.datetime) -> str:
    microseconds = (start - reference_epoch) // dt.timedelta(microseconds=1)
    digest = hashlib.sha256(f"{project} {microseconds} {device}".encode()).hexdigest()[:32]
    return str(uuid.UUID(digest[:12] + "8" + digest[13:16] + "8" + digest[17:]))


reference_epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# Most gaps are short, so that sessions last; some histories take days, so that they reach 24 hours.
gaps = st.one_of(st.integers(1, 29), st.integers(25, 35), st.integers(28, 30), st.integers(60, 1500))
whose = st.sampled_from(
    [("ana", "laptop"), ("ana", "laptop"), ("ana", "phone"), ("bo", "laptop"), ("ana", None), ("bo", None)]
)
sizes = st.lists(st.integers(1, 30), min_size=1, max_size=4)


@st.composite
def histories(draw: st.DrawFn) -> list[Visit]:
    """Up to 150 events of two people in order of time. No two are at the same time."""
    busy = draw(st.booleans())
    told = draw(st.lists(st.tuples(whose, st.integers(20, 30) if busy else gaps), min_size=1, max_size=150))
    minute = 0
    visits = []
    for (person, device), gap in told:
        minute += gap
        visits.append(Visit(person, device, at(minute)))
    return visits


def check(visits: list[Visit], cuts: list[int], batches: Iterator[Sequence[Visit]]) -> None:
    team = people.assemble()
    send(team, visits)
    turn = 0
    while enrich(cuts[turn % len(cuts)]).claimed:
        turn += 1
    assert stored(team) == expected(batches)
    for session in Session.objects.filter(project=team.id):
        assert session.client_id == id_of(team.id, session.device_id or "", session.started_at)
        assert session.ended_at - session.started_at < dt.timedelta(days=1)
    counted = {session.pk: session.events for session in Session.objects.filter(project=team.id)}
    assert sum(counted.values()) == sum(len(times) for _, _, times in stored(team))
    for person in Person.objects.filter(project=team.id):
        assert person.sessions == Session.objects.filter(person=person).count()


@settings(max_examples=examples(25))
@given(visits=histories(), cuts=sizes)
def test_in_order_of_time_it_does_not_matter_where_batches_end(visits: list[Visit], cuts: list[int]) -> None:
    check(visits, cuts, cut(visits, [1]))


@settings(max_examples=examples(40))
@given(visits=histories(), cuts=sizes, dice=st.randoms(use_true_random=False))
def test_late_events_are_placed_as_in_the_reference(
    visits: list[Visit], cuts: list[int], dice: object
) -> None:
    # Late by up to a few dozen events, as from a phone that was offline.
    visits = sorted(visits, key=lambda visit: visits.index(visit) + dice.randrange(40))  # type: ignore[attr-defined]
    check(visits, cuts, cut(visits, cuts))


def test_a_visit_is_one_session_before_and_after_signing_in(team: Team) -> None:
    """As analytics-next sends it: the anonymous id stays beside the user id."""
    journey = Journey(team).page("laptop", known=False, at=at(0))
    journey.enriched()
    journey.identify("ana", device="laptop", at=at(2), context=PAGE)
    journey.track("ana", "wrote", device="laptop", at=at(20), context=PAGE).enriched()
    journey.page("ana", device="laptop", at=at(51)).enriched()
    first, second = Session.objects.filter(project=team.id).order_by("started_at")
    assert (first.started_at, first.ended_at, first.events, first.pageviews) == (at(0), at(20), 3, 1)
    assert (second.started_at, second.events) == (at(51), 1)
    (ana,) = Person.objects.filter(project=team.id, merged_into=None)
    assert (ana.sessions, ana.events) == (2, 4)


def test_two_people_at_one_browser_and_two_browsers_of_one_person(team: Team) -> None:
    journey = Journey(team).page("ana", device="laptop", at=at(0)).page("ana", device="phone", at=at(1))
    journey.page("bo", device="laptop", at=at(2)).enriched()
    found = Session.objects.filter(project=team.id).order_by("started_at")
    assert list(found.values_list("device_id", "events")) == [("laptop", 1), ("phone", 1), ("laptop", 1)]


def test_a_days_busy_visit_is_cut_after_24_hours_of_each_session(team: Team) -> None:
    visits = [Visit("ana", "laptop", at(25 * number)) for number in range(200)]
    send(team, visits)
    while enrich(70).claimed:
        pass
    starts = (
        Session.objects.filter(project=team.id).order_by("started_at").values_list("started_at", flat=True)
    )
    # 58 * 25 minutes are the first moment after 24 hours.
    assert list(starts) == [at(25 * 58 * number) for number in range(4)]


def test_a_late_event_moves_the_start_and_with_it_the_id(team: Team) -> None:
    journey = Journey(team).page("ana", at=at(10))
    journey.enriched()
    journey.page("ana", at=at(0)).enriched()
    (session,) = Session.objects.filter(project=team.id)
    assert (session.started_at, session.ended_at, session.events) == (at(0), at(10), 2)
    assert session.client_id == id_of(team.id, "ana", at(0))


def test_a_clients_own_sessions_stay_its_own(team: Team) -> None:
    journey = Journey(team).page("ana", at=at(0), session="s1").page("ana", at=at(1))
    journey.page("ana", at=at(2), session="s1").enriched()
    found = Session.objects.filter(project=team.id).order_by("started_at")
    assert list(found.values_list("device_id", "events")) == [(None, 2), ("ana", 1)]


def test_a_server_joins_the_session_that_was_active_last(team: Team) -> None:
    """Not the one that began last: the phone was put away half an hour before."""
    visits = [Visit("ana", "laptop", at(10 * number)) for number in range(12)]
    visits += [Visit("ana", "phone", at(31)), Visit("ana", None, at(105))]
    send(team, visits)
    while enrich().claimed:
        pass
    found = Session.objects.filter(project=team.id)
    assert dict(found.values_list("device_id", "events")) == {"laptop": 13, "phone": 1}


@pytest.mark.parametrize("limit", [1, 50_000])
def test_a_server_alone_forms_no_session(team: Team, limit: int) -> None:
    Journey(team).track("ana", "paid").page(
        "ana", context={"library": {"name": "analytics-python", "version": "2"}}
    ).enriched(limit)
    assert not Session.objects.filter(project=team.id).exists()
