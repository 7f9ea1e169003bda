"""Identity resolution (definitions.md, Person), from the request to the person's row."""

import datetime as dt
from typing import Any

import pytest

from analytics.identity.resolution import TWO_USERS
from analytics.models import DistinctId, IdentityLink, Person, Redirect
from tests import clock
from tests.journey import Journey
from tests.people import Team


def persons(team: Team) -> set[frozenset[str]]:
    """The people of the project, as the sets of their ids."""
    found: dict[int, set[str]] = {}
    for person, distinct_id in DistinctId.objects.filter(project=team.id).values_list(
        "person_id", "distinct_id"
    ):
        found.setdefault(person, set()).add(distinct_id)
    return {frozenset(ids) for ids in found.values()}


def groups(*names: str) -> set[frozenset[str]]:
    return {frozenset(name.split()) for name in names}


def person(team: Team, distinct_id: str) -> Person:
    return DistinctId.objects.select_related("person").get(project=team.id, distinct_id=distinct_id).person


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
class TestWhateverTheBatches:
    def play(self, journey: Journey, at_once: bool) -> None:
        journey.enriched(limit=50_000 if at_once else 1)

    def test_a_device_joins_the_first_user_with_its_past(self, team: Team, at_once: bool) -> None:
        journey = Journey(team).page("laptop", at=clock.day(0), known=False)
        self.play(journey.identify("ana", device="laptop", at=clock.day(1)), at_once)
        assert persons(team) == groups("laptop ana")
        ana = person(team, "ana")
        assert (ana.events, ana.first_seen, ana.name, ana.identified) == (2, clock.day(0), "ana", True)

    def test_a_user_known_before_takes_over_the_devices_past(self, team: Team, at_once: bool) -> None:
        journey = (
            Journey(team).track("ana", "signup", at=clock.day(5)).page("laptop", at=clock.day(0), known=False)
        )
        self.play(journey.identify("ana", device="laptop", at=clock.day(6)), at_once)
        assert persons(team) == groups("laptop ana")
        assert (person(team, "ana").first_seen, person(team, "ana").events) == (clock.day(0), 3)

    def test_one_device_of_two_people_stays_two_people(self, team: Team, at_once: bool) -> None:
        journey = Journey(team).identify("ana", device="laptop").identify("bo", device="laptop")
        self.play(journey.identify("bo", device="laptop"), at_once)
        assert persons(team) == groups("ana laptop", "bo")
        (refusal,) = IdentityLink.objects.filter(project=team.id).exclude(refused="")
        assert (refusal.person, refusal.other) == (person(team, "bo"), person(team, "ana"))
        assert "both are identified users already" in refusal.refused

    def test_two_devices_of_one_person_become_one(self, team: Team, at_once: bool) -> None:
        journey = Journey(team).page("laptop", known=False).page("phone", known=False)
        journey.identify("ana", device="laptop").identify("ana", device="phone")
        self.play(journey, at_once)
        assert persons(team) == groups("ana laptop phone")

    def test_two_users_are_merged_by_a_proved_alias_only(self, team: Team, at_once: bool) -> None:
        journey = Journey(team).track("ana", "signup").track("ana@work", "signup")
        journey.identify("ana", device="ana@work").alias("ana", "ana@work").alias("ana@work", "ana")
        self.play(journey, at_once)
        assert persons(team) == groups("ana", "ana@work")
        refusals = IdentityLink.objects.filter(project=team.id).values_list("cause", "refused", "other__name")
        assert set(refusals) == {("identify", TWO_USERS, "ana@work"), ("alias", TWO_USERS, "ana")}
        self.play(journey.alias("ana", "ana@work").send(key=team.people_key()), at_once)
        assert persons(team) == groups("ana ana@work")

    def test_a_user_takes_on_an_id_nobody_has_yet(self, team: Team, at_once: bool) -> None:
        journey = Journey(team).track("ana", "signup").alias("ana-2", "ana")
        self.play(journey.track("ana-2", "export"), at_once)
        assert persons(team) == groups("ana ana-2")

    def test_an_id_never_seen_before_is_simply_added(self, team: Team, at_once: bool) -> None:
        self.play(Journey(team).alias("ana", "old-ana").page("old-ana", known=False), at_once)
        assert persons(team) == groups("ana old-ana")
        assert person(team, "ana").events == 2

    def test_chains_end_in_one_person(self, team: Team, at_once: bool) -> None:
        journey = Journey(team)
        for name in ("a", "b", "c"):
            journey.track(name, "signup", known=False)
        self.play(journey.alias("b", "a").alias("c", "b"), at_once)
        assert persons(team) == groups("a b c")
        assert person(team, "c").events == 5

    def test_an_import_of_old_events_does_not_overwrite_what_is_newer(
        self, team: Team, at_once: bool
    ) -> None:
        journey = Journey(team).identify("ana", traits={"plan": "pro", "city": "Rome"}, at=clock.day(9))
        journey.identify("ana", traits={"plan": "free", "city": None, "theme": "dark"}, at=clock.day(1))
        self.play(journey.identify("ana", traits={"theme": None}, at=clock.day(5)), at_once)
        assert person(team, "ana").properties == {"plan": "pro", "city": "Rome"}

    def test_of_two_facts_the_later_one_counts(self, team: Team, at_once: bool) -> None:
        journey = Journey(team).identify("ana", traits={"plan": "team", "city": "Rome"}, at=clock.day(2))
        journey.identify("laptop", known=False, traits={"plan": "free", "theme": "dark"}, at=clock.day(1))
        self.play(journey.identify("ana", device="laptop", traits={"city": "Oslo"}, at=clock.day(3)), at_once)
        assert person(team, "ana").properties == {"plan": "team", "city": "Oslo", "theme": "dark"}

    @pytest.mark.parametrize(
        "nobody", ["null", "(NULL)", "undefined", "0", "[object Object]", "Anonymous", "\u200b"]
    )
    def test_ids_that_mean_nobody_join_no_one(self, team: Team, at_once: bool, nobody: str) -> None:
        journey = Journey(team).identify("ana", device=nobody).identify("bo", device=nobody)
        self.play(journey, at_once)
        assert persons(team) >= groups("ana", "bo")


@pytest.mark.parametrize(
    ("traits", "name"),
    [
        ({"name": "Ana Ruiz", "email": "ana@shop.example"}, "Ana Ruiz"),
        ({"firstName": "Ana", "lastName": "Ruiz"}, "Ana Ruiz"),
        ({"first_name": "Ana"}, "Ana"),
        ({"email": "ana@shop.example", "username": "ana_r"}, "ana@shop.example"),
        ({"username": "ana_r"}, "ana_r"),
        ({"name": "  "}, "user-7"),
        ({}, "user-7"),
    ],
)
def test_display_names_come_from_properties(team: Team, traits: dict[str, Any], name: str) -> None:
    Journey(team).identify("user-7", device="0192-abcdef", traits=traits).enriched()
    assert person(team, "user-7").name == name


def test_unknown_people_are_named_by_their_id(team: Team) -> None:
    Journey(team).page("0192f0c1-7d4e-7abc-8def-1234567f00d5", known=False).enriched()
    (anonymous,) = Person.objects.filter(project=team.id)
    assert (anonymous.name, anonymous.identified) == ("anonymous 7f00d5", False)


def test_a_short_id_is_shown_whole(team: Team) -> None:
    Journey(team).page("undefined", known=False).enriched()
    (anonymous,) = Person.objects.filter(project=team.id)
    assert anonymous.name == "anonymous undefined"


def test_a_search_finds_name_address_and_ids_in_lower_case(team: Team) -> None:
    Journey(team).identify("U-7", traits={"name": "Ana Ruiz", "email": "Ana@Shop.example"}).enriched()
    Journey(team).identify("U-7", device="Laptop").enriched()
    assert person(team, "U-7").search == "ana ruiz ana@shop.example u-7 laptop"


def test_a_name_that_comes_later_replaces_the_id(team: Team) -> None:
    journey = Journey(team).track("ana", "signup")
    journey.enriched()
    journey.identify("ana", traits={"name": "Ana"}).enriched()
    assert person(team, "ana").name == "Ana"


def test_events_of_a_merged_person_are_found_by_flat_redirects(team: Team) -> None:
    journey = Journey(team)
    for name in ("a", "b", "c"):
        journey.track(name, "signup", known=False)
    journey.enriched()
    a, b, c = (person(team, name).pk for name in ("a", "b", "c"))
    journey.alias("b", "a").enriched()
    journey.alias("c", "b").enriched()
    redirects = Redirect.objects.filter(project=team.id).values_list("person_id", "target_id")
    assert sorted(redirects) == [(a, b), (a, c), (b, c)]
    assert set(Person.objects.filter(project=team.id, merged_into=c).values_list("pk", flat=True)) == {a, b}


def test_a_link_records_ids_time_and_event(team: Team) -> None:
    at = dt.datetime(2020, 6, 11, 9, tzinfo=dt.UTC)
    id = "11111111-1111-4111-8111-111111111111"
    Journey(team).identify("ana", device="laptop", at=at, id=id).enriched()
    (link,) = IdentityLink.objects.filter(project=team.id)
    assert (link.cause, link.linked_id, link.distinct_id, str(link.event_id)) == (
        "identify",
        "laptop",
        "ana",
        id,
    )
    assert (link.happened_at, link.person, str(link.other)) == (at, person(team, "ana"), "anonymous laptop")


def test_a_repeated_link_is_recorded_once(team: Team) -> None:
    journey = Journey(team)
    for _ in range(3):
        journey.identify("ana", device="laptop").enriched()
    assert IdentityLink.objects.filter(project=team.id).count() == 1
