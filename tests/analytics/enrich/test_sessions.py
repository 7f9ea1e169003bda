"""Sessions: the client's own, cut after 30 minutes of silence and after 24 hours; servers join what goes on."""

import datetime as dt

import pytest
from django.db import connection

from analytics.models import DistinctId, Person, Session
from tests import clock
from tests.journey import Journey
from tests.people import Team


def minutes(number: float) -> dt.datetime:
    return clock.day(0, minutes=number)


def sessions(team: Team) -> list[tuple[float, float, int]]:
    """(minute of beginning, minute of end, events), in order."""
    found = Session.objects.filter(project=team.id).order_by("started_at")
    return [
        (
            (s.started_at - clock.D0).total_seconds() / 60,
            (s.ended_at - clock.D0).total_seconds() / 60,
            s.events,
        )
        for s in found
    ]


def without_session(team: Team) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM analytics_event WHERE project_id = %s AND session_id IS NULL", [team.id]
        )
        return int(cursor.fetchone()[0])


def visit(team: Team, *at: float, session: str = "s1") -> Journey:
    journey = Journey(team)
    for minute in at:
        journey.page("ana", at=minutes(minute), session=session)
    return journey


def test_one_visit_is_one_session(team: Team) -> None:
    visit(team, 0, 10, 40, 69).enriched()
    assert sessions(team) == [(0, 69, 4)]


def test_half_an_hour_is_not_silence_but_more_is(team: Team) -> None:
    visit(team, 0, 30, 60.5).enriched()
    assert sessions(team) == [(0, 30, 2), (60.5, 60.5, 1)]


def test_a_visit_goes_on_in_the_next_batch(team: Team) -> None:
    visit(team, 0, 10).enriched()
    visit(team, 20).enriched()
    visit(team, 51).enriched()
    assert sessions(team) == [(0, 20, 3), (51, 51, 1)]


def test_late_events_join_the_visit_they_belong_to(team: Team) -> None:
    visit(team, 0, 100).enriched()
    visit(team, 75, 20, 5).enriched()
    assert sessions(team) == [(0, 20, 3), (75, 100, 2)]


def test_a_visit_ends_after_a_day_however_busy(team: Team) -> None:
    visit(team, *range(0, 60 * 30, 20)).enriched()
    assert sessions(team) == [(0, 1420, 72), (1440, 1780, 18)]


def test_a_day_counts_from_the_beginning_also_across_batches(team: Team) -> None:
    for start in range(0, 60 * 30, 120):
        visit(team, *range(start, start + 120, 20)).enriched()
    assert all(end - start < 24 * 60 for start, end, _ in sessions(team))
    assert sum(events for _, _, events in sessions(team)) == 90


def test_two_people_never_share_a_session(team: Team) -> None:
    Journey(team).page("ana", session="s1").page("bo", session="s1").enriched()
    assert len(sessions(team)) == 2


def test_signing_in_does_not_cut_the_visit(team: Team) -> None:
    journey = Journey(team).track("ana", "paid", at=minutes(-600), session="s0")
    journey.page("laptop", at=minutes(0), session="s1", known=False)
    journey.enriched()
    journey.identify("ana", device="laptop", at=minutes(2), session="s1")
    journey.track("ana", "opened", at=minutes(3), session="s1").enriched()
    assert sessions(team) == [(-600, -600, 1), (0, 3, 3)]
    (ana,) = Person.objects.filter(project=team.id, merged_into=None)
    assert (ana.sessions, ana.events) == (2, 4)


def test_a_servers_event_joins_what_goes_on(team: Team) -> None:
    journey = visit(team, 0, 10).track("ana", "paid", at=minutes(39))
    journey.track("ana", "invoiced", at=minutes(40)).enriched()
    assert sessions(team) == [(0, 40, 4)]


@pytest.mark.parametrize("limit", [1, 50_000])
def test_a_servers_events_do_not_keep_a_visit_alive(team: Team, limit: int) -> None:
    journey = visit(team, 0, 10).track("ana", "paid", at=minutes(35)).track("ana", "invoiced", at=minutes(41))
    journey.page("ana", at=minutes(42), session="s1").enriched(limit)
    assert sessions(team) == [(0, 35, 3), (42, 42, 1)]
    assert without_session(team) == 1


def test_a_late_event_never_makes_a_visit_a_day_long(team: Team) -> None:
    """Not with what a server added to its end either."""
    visit(team, *range(30, 24 * 60, 30)).track("ana", "paid", at=minutes(24 * 60)).enriched()
    visit(team, 0).enriched()
    assert sessions(team) == [(0, 0, 1), (30, 24 * 60, 48)]


def test_a_servers_event_on_its_own_belongs_to_no_session(team: Team) -> None:
    visit(team, 0, 10).enriched()
    journey = Journey(team).track("ana", "renewed", at=minutes(41)).track("ana", "early", at=minutes(-1))
    journey.track("bo", "paid", at=minutes(5)).enriched()
    assert sessions(team) == [(0, 10, 2)]
    assert without_session(team) == 3


def test_where_a_visit_came_from_and_where_it_went(team: Team) -> None:
    about = {
        "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/17.5 Mobile/15E148 Safari/604.1",
        "page": {"referrer": "https://news.example/item?id=1"},
        "campaign": {"source": "letter", "medium": "mail", "name": "june"},
    }
    journey = Journey(team).page("ana", "/pricing", at=minutes(0), session="s1", context=about)
    journey.track("ana", "scrolled", at=minutes(1), session="s1").page(
        "ana", "/docs", at=minutes(2), session="s1"
    )
    journey.enriched()
    journey.page("ana", "/thanks", at=minutes(3), session="s1").enriched()
    (found,) = Session.objects.filter(project=team.id)
    assert (found.entry_path, found.exit_path, found.pageviews, found.events) == ("/pricing", "/thanks", 3, 4)
    assert (found.utm_source, found.utm_medium, found.utm_campaign) == ("letter", "mail", "june")
    assert found.referring_domain == "news.example"
    assert (found.os, found.device) == ("iOS", "mobile")


def test_the_person_counts_their_sessions(team: Team) -> None:
    visit(team, 0, 50, 100).enriched()
    visit(team, 60, session="s2").enriched()
    ana = DistinctId.objects.get(project=team.id, distinct_id="ana").person
    assert (ana.sessions, ana.events) == (4, 4)
