"""Merging two people manually, and undoing it."""

import pytest
from django.db import connection

from analytics.identity.merges import MergeError, merge, undo
from analytics.models import DistinctId, IdentityLink, Person, Redirect, Session
from projects.models import Project
from tests import clock
from tests.journey import Journey
from tests.people import Team


@pytest.fixture
def project(team: Team) -> Project:
    return team.new.project


@pytest.fixture
def journey(team: Team) -> Journey:
    """Ana signed up on day 0; a nameless laptop looked around on days 1 and 2."""
    journey = Journey(team)
    journey.identify("ana", at=clock.day(0), traits={"name": "Ana", "plan": "team"}, session="a1")
    journey.page("laptop", "/pricing", at=clock.day(1), known=False, session="l1")
    journey.page("laptop", "/docs", at=clock.day(2), known=False, session="l2")
    journey.enriched()
    return journey


def person_of(project: Project, distinct_id: str) -> Person:
    return DistinctId.objects.select_related("person").get(project=project, distinct_id=distinct_id).person


def counts(person: Person) -> tuple[int, int]:
    person.refresh_from_db()
    return person.events, person.sessions


def test_a_manual_merge_gives_everything_to_one_person(project: Project, journey: Journey) -> None:
    ana, laptop = person_of(project, "ana"), person_of(project, "laptop")
    link = merge(project, ana.pk, laptop.pk, by="bo")
    assert (link.cause, link.linked_id, link.distinct_id, link.by) == ("by hand", "laptop", "ana", "bo")
    assert counts(ana) == (3, 3)
    assert ana.last_seen == clock.day(2)
    laptop.refresh_from_db()
    assert laptop.merged_into == ana
    assert {session.person for session in Session.objects.filter(project=project)} == {ana}
    assert list(Redirect.objects.filter(link=link).values_list("person_id", "target_id")) == [
        (laptop.pk, ana.pk)
    ]


def test_undone_they_are_two_again_with_what_each_has_done_since(project: Project, journey: Journey) -> None:
    ana, laptop = person_of(project, "ana"), person_of(project, "laptop")
    link = merge(project, ana.pk, laptop.pk, by="bo")
    journey.page("laptop", at=clock.day(3), known=False, session="l3").track("ana", "export", at=clock.day(4))
    journey.enriched()
    assert counts(ana) == (5, 4)

    undone = undo(link, by="ana")
    assert (undone.cause, undone.by) == ("undo", "ana")
    assert counts(ana) == (2, 1)
    assert counts(laptop) == (3, 3)
    assert (laptop.first_seen, laptop.last_seen, laptop.merged_into) == (clock.day(1), clock.day(3), None)
    assert laptop.name == "anonymous laptop"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM analytics_event WHERE person_id = %s", [laptop.pk])
        assert cursor.fetchone() == (3,), (
            "events since the merge are stored as the laptop's, so they go back with it"
        )


def test_undone_each_has_their_own_facts_again(project: Project, journey: Journey) -> None:
    """Those from before the merge and those since, whichever of them counted while the two were one."""
    journey.identify(
        "laptop", known=False, at=clock.day(1), traits={"plan": "trial", "theme": "dark"}
    ).enriched()
    ana, laptop = person_of(project, "ana"), person_of(project, "laptop")
    link = merge(project, ana.pk, laptop.pk, by="bo")
    ana.refresh_from_db()
    assert ana.properties == {"name": "Ana", "plan": "trial", "theme": "dark"}
    journey.identify("ana", at=clock.day(3), traits={"plan": "pro"})
    journey.identify("laptop", known=False, at=clock.day(2), traits={"plan": "free"}).enriched()
    ana.refresh_from_db()
    assert ana.properties["plan"] == "pro"

    undo(link, by="ana")

    ana.refresh_from_db()
    laptop.refresh_from_db()
    assert ana.properties == {"name": "Ana", "plan": "pro"}
    assert laptop.properties == {"plan": "free", "theme": "dark"}


def test_after_an_undo_repeated_identify_calls_do_not_merge_again(team: Team, project: Project) -> None:
    journey = Journey(team).page("laptop", known=False).track("bo", "signup")
    journey.enriched()
    journey.identify("bo", device="laptop").enriched()
    undo(IdentityLink.objects.get(project=project, cause="identify"), by="ana")
    journey.identify("bo", device="laptop").identify("bo", device="laptop").enriched()
    assert person_of(project, "laptop") != person_of(project, "bo")
    (refusal,) = IdentityLink.objects.filter(project=project).exclude(refused="")
    assert refusal.refused == "a member undid a merge of these two"


def test_people_merged_before_go_back_with_their_person(team: Team, project: Project) -> None:
    journey = Journey(team)
    for who in ("ana", "bo", "cy"):
        journey.track(who, "signup")
    journey.enriched()
    ana, bo, cy = (person_of(project, who) for who in ("ana", "bo", "cy"))
    merge(project, bo.pk, cy.pk, by="ana")
    link = merge(project, ana.pk, bo.pk, by="ana")
    assert counts(ana) == (3, 0)
    undo(link, by="ana")
    assert person_of(project, "cy") == bo
    assert (counts(ana), counts(bo)) == ((1, 0), (2, 0))
    cy.refresh_from_db()
    assert cy.merged_into == bo


def test_a_merge_undone_in_the_middle_leaves_the_others_where_they_are(team: Team, project: Project) -> None:
    journey = Journey(team)
    for who in ("ana", "bo", "cy"):
        journey.track(who, "signup")
    journey.enriched()
    ana, bo, cy = (person_of(project, who) for who in ("ana", "bo", "cy"))
    first = merge(project, bo.pk, cy.pk, by="ana")
    merge(project, ana.pk, bo.pk, by="ana")
    undo(first, by="ana")
    assert [person_of(project, who) for who in ("ana", "bo", "cy")] == [ana, ana, cy]
    assert (counts(ana), counts(cy)) == ((2, 0), (1, 0))


def test_invalid_merges_and_undos_are_refused_with_a_reason(
    team: Team, project: Project, journey: Journey
) -> None:
    ana, laptop = person_of(project, "ana"), person_of(project, "laptop")
    with pytest.raises(MergeError, match="the same person already"):
        merge(project, ana.pk, ana.pk, by="bo")
    with pytest.raises(MergeError, match="there is no person"):
        merge(project, ana.pk, 10**12, by="bo")
    link = merge(project, ana.pk, laptop.pk, by="bo")
    undone = undo(link, by="bo")
    with pytest.raises(MergeError, match="was undone"):
        undo(link, by="bo")
    with pytest.raises(MergeError, match="nothing to undo"):
        undo(undone, by="bo")


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("cause", ["identify", "alias"])
def test_an_id_linked_before_it_appears_can_be_taken_back(team: Team, cause: str, at_once: bool) -> None:
    """Dee, who is a stranger, takes Zoe's id before Zoe signs up."""
    project = team.new.project
    journey = Journey(team).page("dee-laptop", known=False, at=clock.day(0))
    if cause == "alias":
        journey.alias("zoe", "dee-laptop", at=clock.day(1), traits={})
    else:
        journey.identify("zoe", device="dee-laptop", at=clock.day(1), traits={"plan": "free"})
    journey.identify("zoe", at=clock.day(2), traits={"name": "Zoe"}, session="z1")
    journey.enriched(limit=50_000 if at_once else 1)
    whole = person_of(project, "zoe")
    assert counts(whole) == (3, 2)

    undo(IdentityLink.objects.get(project=project), by="ana")

    zoe, dee = person_of(project, "zoe"), person_of(project, "dee-laptop")
    assert (counts(zoe), counts(dee)) == ((2, 1), (1, 1))
    assert (zoe.name, zoe.identified, dee.name, dee.identified) == (
        "Zoe",
        True,
        "anonymous dee-laptop",
        False,
    )
    assert zoe.properties["name"] == "Zoe"
    assert dee.properties == {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM analytics_event WHERE person_id = %s", [zoe.pk])
        assert cursor.fetchone() == (2,)


@pytest.mark.parametrize("again", ["the same", "turned round", "by another id", "proved"])
def test_no_event_redoes_what_a_member_has_undone(team: Team, project: Project, again: str) -> None:
    journey = Journey(team).page("laptop", known=False).page("phone", known=False).track("bo", "signup")
    journey.alias("bo", "laptop").alias("bo", "phone").enriched()
    undo(IdentityLink.objects.get(project=project, linked_id="laptop"), by="ana")
    key = team.people_key() if again == "proved" else None
    ids = {"turned round": ("laptop", "bo"), "by another id": ("phone", "laptop")}.get(
        again, ("bo", "laptop")
    )
    journey.alias(*ids).send(key)
    journey.enriched()
    assert person_of(project, "bo") == person_of(project, "phone") != person_of(project, "laptop")
    (refusal,) = IdentityLink.objects.filter(project=project).exclude(refused="")
    assert refusal.refused == "a member undid a merge of these two"


def test_a_link_of_an_earlier_version_to_a_new_id_cannot_be_undone(team: Team, project: Project) -> None:
    Journey(team).identify("ana").enriched()
    Journey(team).identify("ana", device="laptop").enriched()
    IdentityLink.objects.filter(project=project).update(other=None)
    with pytest.raises(MergeError, match="laptop was new when it was linked"):
        undo(IdentityLink.objects.get(project=project), by="bo")
