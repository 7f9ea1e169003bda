"""A person's properties are limited in number and in bytes, so that no one makes a person too large to store."""

import uuid

import msgspec
import pytest
from django.db import connection

from analytics.enrich import identify
from analytics.enrich.enrich_report import EnrichReport
from analytics.identity import merges
from analytics.identity.property_limits import MAX_BYTES, MAX_PROPERTIES, bounded
from analytics.identity.resolution import Assertion, Assertions
from analytics.models import IngestionWarning, Person, QuarantinedEvent
from tests.clock import day
from tests.journey import Journey
from tests.people import Team


def person(team: Team, distinct_id: str) -> Person:
    return Person.objects.get(project=team.id, distinct_ids__distinct_id=distinct_id)


def numbered(prefix: str, count: int, value: object = 1) -> dict[str, object]:
    return {f"{prefix}{number}": value for number in range(count)}


def test_a_person_with_eighteen_thousand_properties_keeps_the_first_ones(team: Team) -> None:
    journey = Journey(team).identify("bo", traits={"email": "bo@x.example"})
    for call in range(18):
        journey.identify("ana", traits=numbered(f"call{call:02}_", 1_000), at=day(call))
    assert journey.enriched() == EnrichReport(claimed=19, stored=19)
    ana = person(team, "ana")
    assert len(ana.properties) == len(ana.assertions) == MAX_PROPERTIES
    assert {name.partition("_")[0] for name in ana.properties} == {"call00"}
    assert person(team, "bo").properties == {"email": "bo@x.example"}
    warning = IngestionWarning.objects.get(project_id=team.id, reason="person_full")
    assert (warning.reason, warning.sample) == ("person_full", "ana")


def test_a_full_person_can_still_change(team: Team) -> None:
    Journey(team).identify("ana", traits=numbered("p", MAX_PROPERTIES)).enriched()
    Journey(team).identify("ana", traits={"p7": "changed", "new": 1}, at=day(1)).enriched()
    ana = person(team, "ana")
    assert ana.properties["p7"] == "changed"
    assert "new" not in ana.properties
    assert IngestionWarning.objects.filter(project_id=team.id, reason="person_full").count() == 1


def test_a_person_at_the_limit_is_not_full(team: Team) -> None:
    Journey(team).identify("ana", traits=numbered("p", MAX_PROPERTIES)).enriched()
    assert len(person(team, "ana").properties) == MAX_PROPERTIES
    assert not IngestionWarning.objects.filter(project_id=team.id, reason="person_full").exists()


def test_values_are_limited_in_bytes_together(team: Team) -> None:
    journey = Journey(team)
    for number in range(8):
        journey.identify("ana", traits={f"essay{number}": "x" * 30_000}, at=day(number))
    journey.identify("ana", traits={"plan": "pro"}, at=day(9)).enriched()
    ana = person(team, "ana")
    assert set(ana.properties) == {"essay0", "essay1", "essay2", "essay3", "plan"}
    assert len(msgspec.json.encode(ana.assertions)) <= MAX_BYTES


def test_removed_properties_count_too(team: Team) -> None:
    """Their removal must be remembered: an older event may arrive later and set them again."""
    journey = Journey(team)
    for call in range(3):
        journey.identify("ana", traits=numbered(f"call{call}_", 900, None), at=day(call))
    journey.enriched()
    assert person(team, "ana").properties == {}
    assert len(person(team, "ana").assertions) == MAX_PROPERTIES


def test_a_merge_of_two_keeps_the_limit_and_its_undo_gives_both_back(team: Team) -> None:
    journey = Journey(team).identify("ana", traits=numbered("a", 600))
    journey.identify("bo", traits=numbered("b", 600)).enriched()
    ana, bo = person(team, "ana"), person(team, "bo")
    link = merges.merge(team.new.project, ana.pk, bo.pk, by="dee")
    ana.refresh_from_db()
    assert len(ana.properties) == MAX_PROPERTIES
    assert set(numbered("a", 600)) <= set(ana.properties)
    merges.undo(link, by="dee")
    ana.refresh_from_db()
    bo.refresh_from_db()
    assert (len(ana.properties), len(bo.properties)) == (600, 600)


def test_people_too_large_to_read_at_once_are_read_in_smaller_portions(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["ana", "bo", "cy", "dee"]
    for name in names:
        Journey(team).identify(name, traits={"essay": "x" * 20_000}).enriched()
    monkeypatch.setattr(identify, "MAX_READ_BYTES", 50_000)
    journey = Journey(team)
    for name in names:
        journey.identify(name, traits={"plan": "pro"}, at=day(1))
    assert journey.enriched() == EnrichReport(claimed=4, stored=4)
    assert {person(team, name).properties["plan"] for name in names} == {"pro"}
    monkeypatch.setattr(identify, "MAX_READ_BYTES", 10_000)
    journey = Journey(team).identify("ana", traits={"plan": "free"}, at=day(2))
    assert journey.track("eve", "signup").enriched() == EnrichReport(claimed=2, stored=1, quarantined=1)
    assert QuarantinedEvent.objects.get(project_id=team.id).message.startswith(
        "the properties of 1 people take 20,"
    )


def test_a_row_beyond_a_limit_of_postgresql_is_quarantined(team: Team) -> None:
    """SQLSTATE 54000, as for "total size of jsonb object elements exceeds": no retry can succeed."""
    Journey(team).track("ana", "signup").track("bo", "signup").send()
    endless = "".join(uuid.uuid4().hex for _ in range(300))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analytics_inbox SET distinct_id = %s WHERE project_id = %s AND distinct_id = 'bo'",
            [endless, team.id],
        )
    assert Journey(team).enriched() == EnrichReport(claimed=2, stored=1, quarantined=1)
    kept = QuarantinedEvent.objects.get(project_id=team.id)
    assert (kept.sqlstate, kept.distinct_id) == ("54000", endless)


def asserted(**values: str) -> Assertions:
    return {name: Assertion(at, at, False, value) for at, (name, value) in enumerate(values.items())}


def test_what_does_not_fit_leaves_the_earlier_value() -> None:
    known = asserted(plan="free", bio="short")
    after = {**known, "bio": Assertion(9, 9, False, "x" * MAX_BYTES), "city": Assertion(9, 9, False, "Bonn")}
    assert bounded(known, after) == {**known, "city": after["city"]}
