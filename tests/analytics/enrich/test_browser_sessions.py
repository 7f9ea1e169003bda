"""Browsers and apps that send no session id: their events form sessions, as in the naive reference, in any batches."""

import datetime as dt
import hashlib
import itertools
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

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
OWN = "own "
"""Begins the device of a visit whose client sends a session id. The rest is that id."""

Found = Counter[tuple[dt.datetime, dt.datetime, frozenset[dt.datetime]]]
"""Start, end and times of the events of each session."""


def at(minute: float) -> dt.datetime:
    return clock.day(0, minutes=minute)


def send(team: Team, visits: Sequence[Visit]) -> None:
    journey = Journey(team)
    for visit in visits:
        who, device = visit.person, visit.device
        if visit.joins is not None:
            journey.identify(who, at=visit.at, device=visit.joins, context=PAGE)
        elif device is None:
            journey.track(who, "paid", at=visit.at)
        elif device.startswith(OWN):
            journey.track(who, "read", at=visit.at, session=device.removeprefix(OWN), context=PAGE)
        elif device == who:
            journey.track(who, "read", at=visit.at, known=False, context=PAGE)
        else:
            journey.track(who, "read", at=visit.at, device=device, context=PAGE)
    journey.send()


def stored(team: Team) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT s.started_at, s.ended_at, array_agg(e."timestamp") FROM analytics_session s'
            " JOIN analytics_event e ON e.session_id = s.id WHERE s.project_id = %s GROUP BY s.id",
            [team.id],
        )
        return Counter((start, end, frozenset(times)) for start, end, times in cursor.fetchall())


def expected(batches: Iterable[Sequence[Visit]]) -> Found:
    return Counter(
        (session.start, session.end, frozenset(visit.at for visit in session.visits))
        for session in reference.sessions(batches)
    )


def id_of(project: int, device: str, start: dt.datetime) -> str:
    microseconds = (start - reference_epoch) // dt.timedelta(microseconds=1)
    digest = hashlib.sha256(f"{project} {microseconds} {device}".encode()).hexdigest()[:32]
    return str(uuid.UUID(digest[:12] + "8" + digest[13:16] + "8" + digest[17:]))


reference_epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# A history is made of a few long runs, not of many single events: only so it reaches 24 hours, and quickly. Steps and
# pauses meet the limits exactly, because most faults are there.
steps = st.sampled_from([10, 29, 30, 30, 31])
lengths = st.one_of(st.integers(1, 4), st.sampled_from([46, 48, 48, 50, 52]))
pauses = st.sampled_from([-1440, -31, -30, -10, 0, 10, 29, 30, 31, 60, 1440])
# Everyone uses the same browser and the same session ids, which must not make them one.
devices = st.sampled_from(["laptop", "laptop", "phone", OWN + "laptop", None])
# A server's event so long after the end of the run. 30 minutes after a run of 48 half hours is exactly 24 hours.
servers = st.sampled_from([None, 10, 29, 30, 30, 31])
runs = st.lists(st.tuples(devices, pauses, steps, lengths, servers), min_size=2, max_size=5)
histories = st.fixed_dictionaries(dict.fromkeys(("ana", "bo", "cy", "dee"), runs))
"""A few people who use the same devices at the same time."""

# Single events: what a batch must know of the ones before is met at every step.
moments = st.tuples(
    st.sampled_from(["laptop", "laptop", "phone", None, None]),
    st.sampled_from([10, 20, 29, 30, 31]),
    st.just(1),
    st.just(1),
    st.none(),
)
afternoons = st.fixed_dictionaries(
    dict.fromkeys(("ana", "bo", "cy", "dee"), st.lists(moments, min_size=4, max_size=9))
)

Run = tuple[str | None, int, int, int, int | None]
Told = dict[str, list[Run]]


def follow(person: str, told: list[Run]) -> list[Visit]:
    """The visits of these runs, each of which begins so long after the end of the one before, or before it."""
    minute, found = 3000, dict[int, Visit]()
    for device, pause, step, length, server in told:
        minute += pause
        for _ in range(length):
            # No two at the same time.
            found.setdefault(minute, Visit(person, device, at(minute)))
            minute += step
        minute -= step
        if server is not None:
            found.setdefault(minute + server, Visit(person, None, at(minute + server)))
    return list(found.values())


def sign_in(visits: list[Visit], number: int) -> list[Visit]:
    """Until the event with this number nobody knew who used the laptop."""
    moment = visits[number % len(visits)]
    unknown = f"the browser of {moment.person}"

    def seen(visit: Visit) -> Visit:
        if visit is moment:
            return replace(visit, device=unknown, joins=unknown)
        if visit.device != "laptop":
            return visit
        return replace(visit, device=unknown, person=unknown if visit.at < moment.at else visit.person)

    return [seen(visit) for visit in visits]


def turns(whose: dict[str, list[Visit]]) -> list[list[Visit]]:
    """Everyone's first, everyone's second, ..."""
    return [[visit for visit in turn if visit] for turn in itertools.zip_longest(*whose.values())]


def by_time(whose: dict[str, list[Visit]]) -> list[Visit]:
    return sorted((visit for each in whose.values() for visit in each), key=lambda visit: visit.at)


def run_by_run(whose: dict[str, list[Visit]]) -> list[Visit]:
    """As devices send them that were offline: a later run may be from before."""
    return list(itertools.chain(*turns(whose)))


def shuffled(visits: list[Visit], late: int, dice: Random) -> list[Visit]:
    """Each comes up to so many places later."""
    order = [number + dice.randrange(late) for number in range(len(visits))]
    return [visits[number] for number in sorted(range(len(visits)), key=order.__getitem__)]


def in_batches(visits: list[Visit], parts: list[int]) -> list[list[Visit]]:
    """Cut in this proportion."""
    ends = [len(visits) * sum(parts[: n + 1]) // sum(parts) for n in range(len(parts))]
    found = [visits[start:end] for start, end in itertools.pairwise([0, *ends])]
    return [batch for batch in found if batch]


def check(batches: list[list[Visit]], expected_sessions: Found) -> None:
    team = people.assemble()
    send(team, [visit for batch in batches for visit in batch])
    for batch in batches:
        assert enrich(len(batch)).claimed == len(batch)
    assert stored(team) == expected_sessions
    for session in Session.objects.filter(project=team.id):
        if session.device_id is not None:
            assert session.client_id == id_of(team.id, session.device_id, session.started_at)
        assert session.ended_at - session.started_at < dt.timedelta(days=1)
    counted = Session.objects.filter(project=team.id).values_list("events", flat=True)
    assert sum(counted) == sum(len(times) for _, _, times in stored(team).elements())
    for person in Person.objects.filter(project=team.id, merged_into=None):
        assert person.sessions == Session.objects.filter(person=person).count()


parts = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@settings(max_examples=examples(10))
@given(told=histories, parts=parts)
def test_in_order_of_time_it_does_not_matter_where_batches_end(told: Told, parts: list[int]) -> None:
    whose = {person: follow(person, theirs) for person, theirs in told.items()}
    visits = by_time(whose)
    check(in_batches(visits, parts), expected([visit] for visit in visits))


@settings(max_examples=examples(6))
@given(told=afternoons)
def test_one_event_at_a_time_forms_the_same_sessions_as_all_at_once(told: Told) -> None:
    whose = {person: follow(person, theirs) for person, theirs in told.items()}
    one_by_one = turns(whose)
    check(one_by_one, expected(one_by_one))
    check([by_time(whose)], expected(one_by_one))


@settings(max_examples=examples(15))
@given(
    told=histories,
    parts=parts,
    signs_in=st.integers(0, 200),
    late=st.sampled_from([0, 0, 3, 40, 400]),
    dice=st.randoms(use_true_random=False),
)
def test_late_events_and_merges_are_placed_as_in_the_reference(
    told: Told, parts: list[int], signs_in: int, late: int, dice: Random
) -> None:
    whose = {person: follow(person, theirs) for person, theirs in told.items()}
    whose["ana"] = sign_in(whose["ana"], signs_in)
    visits = shuffled(by_time(whose), late, dice) if late else run_by_run(whose)
    batches = in_batches(visits, parts)
    check(batches, expected(batches))


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
