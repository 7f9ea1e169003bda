"""Who somebody is by now, after any number of merges."""

from analytics.identity import redirects
from analytics.models import Person
from tests import clock, stored
from tests.journey import Journey
from tests.people import Team


def three(team: Team) -> tuple[int, int, int]:
    project = team.new.project
    ana, bo, cy = (stored.person(project, name, clock.D0) for name in ("Ana", "Bo", "Cy"))
    return ana, bo, cy


def test_nobody_was_merged(team: Team) -> None:
    ana, bo, _ = three(team)
    assert redirects.ids_of(ana) == [ana]
    assert redirects.canonical(team.id, [ana, bo]) == {}
    assert redirects.former([ana, bo]) == {}


def test_a_chain_leads_to_its_end(team: Team) -> None:
    ana, bo, cy = three(team)
    stored.merge(team.new.project, ana, bo, clock.day(1))
    stored.merge(team.new.project, bo, cy, clock.day(2))

    assert redirects.canonical(team.id, [ana, bo, cy]) == {ana: cy, bo: cy}
    assert redirects.ids_of(cy) == [cy, ana, bo]
    assert redirects.ids_of(bo) == [bo]
    assert redirects.former([ana, bo, cy]) == {cy: [ana, bo]}


def test_who_was_told_apart_again_is_themselves(team: Team) -> None:
    ana, bo, _ = three(team)
    stored.merge(team.new.project, ana, bo, clock.day(1))
    stored.merge(team.new.project, ana, ana, clock.day(2))

    assert redirects.canonical(team.id, [ana]) == {}
    assert redirects.ids_of(ana) == [ana]
    assert redirects.ids_of(bo) == [bo]


def test_the_pipeline_s_own_merges_read_the_same(team: Team) -> None:
    Journey(team).page("laptop", "/", known=False).page("phone", "/", known=False).track(
        "ana", "signup"
    ).enriched()
    before = set(Person.objects.filter(project=team.id).values_list("pk", flat=True))
    Journey(team).identify("ana", device="laptop").identify("ana", device="phone").enriched()

    living = Person.objects.get(project=team.id, merged_into=None)

    assert set(redirects.ids_of(living.pk)) == before
    assert redirects.canonical(team.id, before) == dict.fromkeys(before - {living.pk}, living.pk)
