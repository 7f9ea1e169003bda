"""A copy that is kept up to date by `since` is the same as one that is made anew, whatever happened in between."""

import itertools
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.identity.merges import MergeError, merge, undo
from analytics.models import DistinctId, IdentityLink
from analytics.pipeline import until_idle
from analytics.query import change_ranges
from tests import clock
from tests.analytics.api.client import Api
from tests.analytics.api.test_events import expire
from tests.examples import examples
from tests.journey import Journey
from tests.people import Team, assemble

PEOPLE, DEVICES = ["ana", "bo", "cy"], ["laptop", "phone"]
WHO, DEVICE = st.sampled_from(PEOPLE), st.sampled_from([*DEVICES, "tablet"])
STEPS = st.one_of(
    st.tuples(st.just("acts"), WHO, st.integers(-4000, 30)),
    st.tuples(st.just("browses"), DEVICE, st.integers(-4000, 30)),
    st.tuples(st.just("signs in"), WHO, DEVICE),
    st.tuples(st.just("is also"), WHO, WHO),
    st.tuples(st.just("are merged"), WHO, st.one_of(WHO, DEVICE)),
    st.tuples(st.just("are parted")),
    st.tuples(st.just("is loaded")),
    st.tuples(st.just("expires")),
    st.tuples(st.just("is read")),
)
numbers = itertools.count()


def happen(team: Team, step: tuple[Any, ...]) -> None:
    match step:
        case "acts", who, day:
            journey = Journey(team).track(who, "export", at=clock.day(day), session=f"{who} {day // 5}")
            journey.enriched()
        case "browses", device, day:
            Journey(team).page(
                device, known=False, at=clock.day(day), session=f"{device} {day // 5}"
            ).enriched()
        case "signs in", who, device:
            Journey(team).identify(who, device=device, traits={"times": next(numbers)}).enriched()
        case "is also", who, other if who != other:
            Journey(team).alias(who, other).enriched()
        case "are merged", who, other:
            merge_by_hand(team, who, other)
        case ("are parted",):
            part_by_hand(team)
        case ("is loaded",):
            until_idle()
        case ("expires",):
            expire()


def merge_by_hand(team: Team, who: str, other: str) -> None:
    people = dict(DistinctId.objects.filter(project=team.id).values_list("distinct_id", "person_id"))
    if {who, other} <= people.keys() and people[who] != people[other]:
        merge(team.new.project, people[who], people[other], by="dee")


def part_by_hand(team: Team) -> None:
    for link in IdentityLink.objects.filter(project=team.id).exclude(other=None).order_by("-id"):
        try:
            undo(link, by="dee")
        except MergeError:
            continue
        return


class Copy:
    """What an analyst has who asked for everything once and from then on for what is new."""

    def __init__(self, team: Team) -> None:
        self.api = Api(team.api_key)
        self.cursors: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self.people: dict[int, dict[str, Any]] = {}
        self.sessions: dict[int, dict[str, Any]] = {}

    def read(self, limit: int) -> None:
        self.events += self._new("events", limit)
        for kept, name in ((self.people, "people"), (self.sessions, "sessions")):
            for row in self._new(name, limit):
                if row.get("deleted"):
                    kept.pop(row["id"], None)
                else:
                    kept[row["id"]] = row

    def _new(self, name: str, limit: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more = True
        while more:
            since = {"since": self.cursors[name]} if name in self.cursors else {}
            page = self.api.get(name, limit=limit, **since).json
            # As by an analyst whose sync may end after any page.
            self.cursors[name], more = page["since"], page["next"] is not None
            found += page[name]
        return found

    @property
    def owners(self) -> dict[str, int]:
        return {id: person["id"] for person in self.people.values() for id in person["distinct_ids"]}


@settings(max_examples=examples(15), suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=1, max_size=10), st.integers(1, 3), st.sampled_from([1, 4, 20_000]))
def test_since_leads_to_what_a_full_reading_finds(
    steps: list[tuple[Any, ...]], limit: int, stretch: int
) -> None:
    with patch.multiple(change_ranges, EVENTS=stretch, LINKS=stretch):
        _lead_to_the_same(steps, limit)


def _lead_to_the_same(steps: list[tuple[Any, ...]], limit: int) -> None:
    team = assemble()
    journey = Journey(team)
    for who in PEOPLE:
        journey.track(who, "came", session=f"{who} 0")
    for device in DEVICES:
        journey.page(device, known=False, session=f"{device} 0")
    journey.enriched()
    copy = Copy(team)
    copy.read(limit)
    for step in steps:
        copy.read(limit) if step == ("is read",) else happen(team, step)
    copy.read(limit)
    anew = Copy(team)
    anew.read(1000)

    assert copy.people == anew.people
    assert copy.sessions == anew.sessions
    # An event is as it was when it was read; whose it is by now, the people's own ids say.
    told = [event | {"person": copy.owners[event["distinct_id"]]} for event in copy.events]
    assert told == anew.events
