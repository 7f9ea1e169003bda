"""On a person's page: two who are one are merged, what was merged is taken apart, and not by everybody."""

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import DistinctId, IdentityLink
from tests.analytics.console.pages import Page, signed_in, visit
from tests.journey import Journey
from tests.people import Team, assemble


@pytest.fixture
def two_users(team: Team) -> Team:
    """Ana and Bo sign in on one laptop: both are users already, so they stay two."""
    journey = Journey(team).page("laptop", known=False)
    journey.identify("ana", device="laptop", traits={"name": "Ana"})
    journey.identify("bo", device="laptop", traits={"name": "Bo"}).enriched()
    return team


def number(team: Team, distinct_id: str) -> int:
    return DistinctId.objects.get(project=team.new.project, distinct_id=distinct_id).person_id


def page_of(client: Client, team: Team, distinct_id: str) -> Page:
    return visit(client, reverse("person", args=[team.slug, number(team, distinct_id)]))


def press(client: Client, page: Page, words: str, *, link: int | None = None, **typed: str) -> Page:
    """Send the form whose button says so (that of this link), with what is in it and what is typed."""
    forms = [form for form in page.content.all("form") if form.one("button").text == words]
    if link is not None:
        forms = [form for form in forms if f"/merge/{link}/" in form.attributes["action"]]
    assert len(forms) == 1, f"{len(forms)} buttons {words!r}"
    fields = {field.attributes["name"]: field.attributes.get("value", "") for field in forms[0].all("input")}
    response = client.post(forms[0].attributes["action"], fields | typed, follow=True)
    return Page.of(response, page.address)


def test_two_who_were_kept_apart_are_one_by_a_button_and_two_again_by_another(two_users: Team) -> None:
    bo = signed_in(two_users.bo)
    merged = press(bo, page_of(bo, two_users, "bo"), "Merge anyway")
    assert "Merged laptop into this person" in merged.content.text
    assert number(two_users, "ana") == number(two_users, "laptop") == number(two_users, "bo")
    by_hand = IdentityLink.objects.get(project=two_users.new.project, cause=IdentityLink.Cause.BY_HAND)
    assert by_hand.by == two_users.bo.get_username()
    assert f"ana and bo by {by_hand.by}" in merged.content.text

    apart = press(bo, page_of(bo, two_users, "bo"), "Undo", link=by_hand.pk)
    assert "Merge undone" in apart.content.text
    assert number(two_users, "ana") == number(two_users, "laptop") != number(two_users, "bo")


def test_an_alias_that_anybody_could_send_is_refused_on_both_pages(team: Team) -> None:
    Journey(team).track("ana", "came").track("bo", "came").alias("ana", "bo").enriched()
    member = signed_in(team.bo)
    for who in ("ana", "bo"):
        shown = page_of(member, team, who).content.text
        assert "Not merged: bo and ana" in shown
        assert "both are identified users already; if they are one person, merge them manually" in shown


def test_an_id_that_was_linked_before_it_appeared_is_taken_back(team: Team) -> None:
    Journey(team).track("ana", "came").alias("ana", "zoe").track("zoe", "came").enriched()
    assert number(team, "zoe") == number(team, "ana")
    member = signed_in(team.bo)
    press(member, page_of(member, team, "ana"), "Undo")
    assert number(team, "zoe") != number(team, "ana")


def test_the_other_side_of_a_refusal_merges_as_well(two_users: Team) -> None:
    bo = signed_in(two_users.bo)
    press(bo, page_of(bo, two_users, "ana"), "Merge anyway")
    assert number(two_users, "bo") == number(two_users, "ana")


def test_anybody_is_merged_by_an_id_of_theirs(two_users: Team) -> None:
    Journey(two_users).track("old-laptop", "came", known=False).enriched()
    ana = signed_in(two_users.ana)
    press(ana, page_of(ana, two_users, "ana"), "Merge", distinct_id=" old-laptop ")
    assert number(two_users, "old-laptop") == number(two_users, "ana")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Not merged: enter an ID of the other person"),
        ("nobody", "Not merged: no person in this project has the ID 'nobody'"),
        ("ana", "are the same person already"),
    ],
)
def test_what_cannot_be_merged_is_said(two_users: Team, typed: str, said: str) -> None:
    ana = signed_in(two_users.ana)
    page = press(ana, page_of(ana, two_users, "ana"), "Merge", distinct_id=typed)
    assert page.status == 200
    assert said in page.content.text.replace("’", "'")


def test_what_is_undone_is_not_undone_twice(two_users: Team) -> None:
    ana = signed_in(two_users.ana)
    press(ana, page_of(ana, two_users, "bo"), "Merge anyway")
    link = IdentityLink.objects.get(project=two_users.new.project, cause=IdentityLink.Cause.BY_HAND)
    address = reverse("undo-merge", args=[two_users.slug, number(two_users, "bo"), link.pk])
    ana.post(address)
    again = Page.of(ana.post(address, follow=True), address)
    assert "Not undone" in again.content.text
    assert (
        IdentityLink.objects.filter(project=two_users.new.project, cause=IdentityLink.Cause.UNDO).count() == 1
    )


def test_viewers_are_offered_nothing_and_refused(two_users: Team) -> None:
    cy = signed_in(two_users.cy)
    assert not page_of(cy, two_users, "bo").content.all("form")
    address = reverse("merge", args=[two_users.slug, number(two_users, "bo")])
    assert cy.post(address, {"distinct_id": "ana"}).status_code == 404
    assert number(two_users, "bo") != number(two_users, "ana")


def test_no_project_reaches_into_another(two_users: Team) -> None:
    other_team = assemble()
    Journey(other_team).track("dee", "came").enriched()
    ana = signed_in(two_users.ana)
    page = press(ana, page_of(ana, two_users, "ana"), "Merge", distinct_id="dee")
    assert "no person in this project has the ID" in page.content.text
    link = IdentityLink.objects.filter(project=two_users.new.project).first()
    assert link is not None
    address = reverse("undo-merge", args=[other_team.slug, 1, link.pk])
    assert signed_in(other_team.ana).post(address).status_code == 404
