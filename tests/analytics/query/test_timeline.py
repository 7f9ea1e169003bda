"""What a timeline tells of two ids: that they are one, that they stayed two, and how it is with them today."""

import pytest

from analytics.identity.merges import merge, undo
from analytics.models import DistinctId, Person
from analytics.query.persons import get_person
from analytics.query.timeline import LinkEntry, timeline
from projects.models import Project
from tests.journey import Journey
from tests.people import Team


@pytest.fixture
def laptop(team: Team) -> Project:
    """Ana signs in on a laptop that was used before, then Bo does."""
    journey = Journey(team).page("laptop", known=False)
    journey.enriched()
    journey.identify("ana", device="laptop").enriched()
    journey.identify("bo", device="laptop").enriched()
    return team.new.project


def person(project: Project, distinct_id: str) -> Person:
    return DistinctId.objects.select_related("person").get(project=project, distinct_id=distinct_id).person


def told(project: Project, distinct_id: str) -> list[tuple[str, bool, bool, bool]]:
    """Of each link on this person's page, newest first: cause, refused, undone, and whether they are one by now."""
    found = timeline(project, person(project, distinct_id).pk).entries
    links = [entry for entry in found if isinstance(entry, LinkEntry)]
    return [(link.cause, bool(link.refused), link.undone, link.merged) for link in links]


def test_who_was_refused_is_not_one_and_who_was_identified_is(laptop: Project) -> None:
    assert told(laptop, "ana") == [("identify", True, False, False), ("identify", False, False, True)]
    assert told(laptop, "bo") == [("identify", True, False, False)]


def test_merged_by_hand_the_refusal_stays_told_and_is_overtaken(laptop: Project) -> None:
    ana, bo = person(laptop, "ana"), person(laptop, "bo")
    merge(laptop, ana.pk, bo.pk, by="cy")
    assert get_person(laptop, bo.pk).id == ana.pk
    assert told(laptop, "ana") == [
        ("by hand", False, False, True),
        ("identify", True, False, True),
        ("identify", False, False, True),
    ]


def test_undone_both_pages_say_so_and_neither_offers_it_again(laptop: Project) -> None:
    ana, bo = person(laptop, "ana"), person(laptop, "bo")
    undo(merge(laptop, ana.pk, bo.pk, by="cy"), by="cy")
    apart = [("undo", False, True, False), ("by hand", False, False, False), ("identify", True, False, False)]
    assert told(laptop, "bo") == apart
    assert told(laptop, "ana") == [*apart, ("identify", False, False, True)]


def test_merged_into_a_third_only_the_last_merge_is_one_to_undo(laptop: Project, team: Team) -> None:
    Journey(team).track("cy", "came").enriched()
    ana, bo, cy = (person(laptop, name) for name in ("ana", "bo", "cy"))
    undo(merge(laptop, ana.pk, bo.pk, by="cy"), by="cy")
    merge(laptop, cy.pk, bo.pk, by="ana")
    by_hand = [merged for cause, _, _, merged in told(laptop, "cy") if cause == "by hand"]
    assert by_hand == [True, False]
