"""A row that cannot be stored is rejected alone and does not block the others."""

from django.db import connection

from analytics.enrich.batches import EnrichReport
from analytics.models import IngestionWarning, LedgerEntry, Person
from projects.models import Project
from tests.journey import Journey
from tests.people import Team


def send_unstorable(team: Team, *who: str) -> None:
    """Puts properties into the inbox that no JSON column accepts. Ingest would never let them in."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analytics_inbox SET person_set = %s WHERE project_id = %s AND distinct_id = ANY(%s)",
            ['{"name":"\\u0000"}', team.id, list(who)],
        )


def test_one_bad_row_among_many_is_refused_and_the_others_are_stored(team: Team) -> None:
    journey = Journey(team)
    for number in range(30):
        journey.track(f"user-{number}", "signup")
    journey.send()
    send_unstorable(team, "user-17")
    assert journey.enriched() == EnrichReport(claimed=30, stored=29, refused=1)
    assert Person.objects.filter(project=team.id).count() == 29
    counts = LedgerEntry.objects.filter(project_id=team.id).values_list("outcome", "reason", "count")
    assert set(counts) == {("received", "", 30), ("stored", "", 29), ("refused", "not_storable", 1)}
    warning = IngestionWarning.objects.get(project_id=team.id)
    assert warning.reason == "not_storable"
    assert "user-17" in warning.sample


def test_several_bad_rows_are_each_refused(team: Team) -> None:
    journey = Journey(team)
    for name in "abcdefgh":
        journey.track(name, "signup")
    journey.send()
    send_unstorable(team, "a", "d", "h")
    assert journey.enriched() == EnrichReport(claimed=8, stored=5, refused=3)
    assert set(Person.objects.filter(project=team.id).values_list("name", flat=True)) == set("bcefg")


def test_events_of_a_project_that_is_gone_are_refused_and_others_are_not(team: Team) -> None:
    journey = Journey(team).track("ana", "signup").send()
    Project.objects.get(pk=team.id).delete()
    assert journey.enriched() == EnrichReport(claimed=1, refused=1)
    counts = LedgerEntry.objects.filter(project_id=team.id).values_list("outcome", "reason", "count")
    assert set(counts) == {("received", "", 1), ("refused", "project_gone", 1)}
