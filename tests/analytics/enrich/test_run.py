"""Enrich: each event is stored once, under its person, and counted in the ledger."""

from analytics.enrich.enrich_report import EnrichReport
from analytics.models import DistinctId, LedgerEntry, Person
from tests import clock
from tests.journey import Journey
from tests.people import Team


def test_an_event_is_stored_under_a_person(team: Team) -> None:
    report = Journey(team).track("ana", "signup", at=clock.day(0)).enriched()
    assert report == EnrichReport(claimed=1, stored=1)
    person = Person.objects.get(project=team.id)
    assert (person.name, person.identified, person.events, person.first_seen) == (
        "ana",
        True,
        1,
        clock.day(0),
    )


def test_what_is_sent_twice_is_stored_once(team: Team) -> None:
    journey = Journey(team).track("ana", "signup").track("bo", "signup")
    journey.enriched()
    assert journey.send_again().enriched() == EnrichReport(claimed=2, duplicates=2)
    counts = LedgerEntry.objects.filter(project_id=team.id).values_list("outcome", "count")
    assert dict(counts) == {"received": 4, "stored": 2, "duplicate": 2}


def test_a_device_joins_the_user_who_identifies_on_it(team: Team) -> None:
    journey = Journey(team).page("laptop", known=False).identify("ana", device="laptop")
    journey.enriched()
    (person,) = Person.objects.filter(project=team.id, merged_into=None)
    assert set(DistinctId.objects.filter(person=person).values_list("distinct_id", flat=True)) == {
        "laptop",
        "ana",
    }
