"""The rules of identity resolution. Results do not depend on where a batch ends."""

import datetime as dt
import uuid
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analytics.identity.resolution import Fact, Id, PersonState, Resolution, properties, resolve

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
NAMES = ["laptop", "phone", "ana", "bo", "cy"]
SOMETHING = {"plan": "team"}


def fact(
    who: str, *, cause: str = "", linked: str | None = None, known: bool = False, **more: object
) -> Fact:
    facts = Fact((1, who), uuid.uuid4(), NOON, 0, cause, linked, known)
    return replace(facts, **more)  # type: ignore[arg-type]


def identify(who: str, device: str) -> Fact:
    return fact(who, cause="identify", linked=device, known=True)


def alias(who: str, previous: str, *, proved: bool = False) -> Fact:
    return fact(who, cause="alias", linked=previous, known=True, proved=proved)


class World:
    """What the tables hold between batches."""

    def __init__(self) -> None:
        self.people: dict[Id, int] = {}
        self.known: dict[int, PersonState] = {}
        self.unmerged: list[tuple[int, int]] = []
        self.numbers = iter(range(1, 1_000_000))
        self.redirects: dict[int, int] = {}

    def take(self, facts: Iterable[Fact]) -> Resolution:
        batch = list(facts)
        linked = [(f.id[0], f.linked_id) for f in batch if f.linked_id is not None]
        named = dict.fromkeys([*(f.id for f in batch), *linked])
        people = {id: self.people.get(id) or next(self.numbers) for id in named}
        known = {person: self.standing(person) for person in people.values() if person in self.known}
        resolution = resolve(batch, people, known, (), self.unmerged)
        self.keep(resolution)
        return resolution

    def standing(self, person: int) -> PersonState:
        absorbed = [gone for gone, target in self.redirects.items() if target == person]
        return replace(self.known[person], absorbed=tuple(absorbed))

    def keep(self, resolution: Resolution) -> None:
        for moved in resolution.moved:
            self.redirects[moved.person] = moved.target
        self.people |= resolution.people
        self.known |= {moved.person: PersonState() for moved in resolution.moved if moved.is_new}
        self.people = {id: self.redirects.get(person, person) for id, person in self.people.items()}
        for person in set(self.people.values()):
            self.known.setdefault(person, PersonState())
        self.known |= resolution.changed

    def groups(self) -> set[frozenset[str]]:
        found: dict[int, set[str]] = {}
        for (_, name), person in self.people.items():
            found.setdefault(person, set()).add(name)
        return {frozenset(names) for names in found.values()}

    def told(self) -> dict[str, tuple[bool, dict[str, object]]]:
        return {
            name: (self.known[person].identified, properties(self.known[person].assertions))
            for (_, name), person in self.people.items()
        }


def test_a_new_id_is_merged_into_a_known_person_like_any_other() -> None:
    world = World()
    world.take([fact("laptop")])
    resolution = world.take([identify("ana", "laptop")])
    [moved] = resolution.moved
    assert (moved.target, moved.link, moved.is_new) == (world.people[1, "laptop"], 0, True)
    assert world.groups() == {frozenset({"laptop", "ana"})}


def test_redirects_are_flat() -> None:
    world = World()
    world.take([fact("laptop"), fact("ana"), fact("bo")])
    laptop, ana, bo = (world.people[1, name] for name in ("laptop", "ana", "bo"))
    resolution = world.take([alias("ana", "laptop"), alias("bo", "ana", proved=True)])
    moved = [(m.person, m.target, m.link) for m in resolution.moved]
    assert moved == [(laptop, ana, 0), (ana, bo, 1), (laptop, bo, 1)]


def test_a_refusal_is_recorded_once() -> None:
    world = World()
    world.take([identify("ana", "laptop")])
    resolution = world.take([identify("bo", "laptop"), identify("bo", "laptop")])
    assert [link.refused for link in resolution.links] == [
        "both are identified users already; if they are one person, merge them manually"
    ]
    assert world.groups() == {frozenset({"laptop", "ana"}), frozenset({"bo"})}


def test_what_a_member_has_undone_no_link_redoes() -> None:
    """Neither one of the same two ids, nor one that goes round by a third id."""
    world = World()
    world.take([fact("laptop"), fact("ana", known=True)])
    world.unmerged = [(world.people[1, "ana"], world.people[1, "laptop"])]
    stories = (
        [identify("ana", "laptop")],
        [alias("laptop", "ana", proved=True)],
        [alias("ana", "phone"), alias("phone", "laptop")],
        [alias("laptop", "phone"), identify("ana", "phone")],
    )
    for story in stories:
        attempt = deepcopy(world)
        assert attempt.take(story).links[-1].refused == "a member undid a merge of these two"
        assert {attempt.people[1, "ana"], attempt.people[1, "laptop"]} == set(world.unmerged[0])


def test_two_users_are_merged_by_a_proved_alias_only() -> None:
    world = World()
    world.take([fact("ana", known=True), fact("bo", known=True)])
    assert (
        world.take([alias("ana", "bo")]).links[0].refused == world.take([alias("bo", "ana")]).links[0].refused
    )
    assert len(world.groups()) == 2
    world.take([alias("ana", "bo", proved=True)])
    assert world.groups() == {frozenset({"ana", "bo"})}


def test_set_once_fills_gaps_and_set_overwrites() -> None:
    world = World()
    world.take([fact("ana", set_once={"plan": "free", "source": "ad"}), fact("ana", set={"plan": "team"})])
    world.take([fact("ana", set_once={"plan": "none", "source": "mail", "city": "Rome"})])
    assert world.told()["ana"] == (False, {"plan": "team", "source": "ad", "city": "Rome"})


names = st.sampled_from(NAMES)
values = st.dictionaries(st.sampled_from(["plan", "city"]), st.integers(0, 9), max_size=2)
stories = st.lists(
    st.one_of(
        st.builds(
            lambda who, known, s, o: fact(who, known=known, set=s, set_once=o),
            names,
            st.booleans(),
            values,
            values,
        ),
        st.builds(identify, names, names),
        st.builds(
            lambda who, previous, proved: alias(who, previous, proved=proved), names, names, st.booleans()
        ),
    ),
    max_size=30,
)


@given(story=stories, cuts=st.lists(st.integers(0, 30), max_size=6))
def test_where_a_batch_ends_changes_nothing(story: list[Fact], cuts: list[int]) -> None:
    at_once, in_pieces = World(), World()
    at_once.take(story)
    edges = [0, *sorted(cuts), len(story)]
    for start, end in pairwise(edges):
        in_pieces.take(story[start:end])
    assert in_pieces.groups() == at_once.groups()
    assert in_pieces.told() == at_once.told()


@given(story=stories)
def test_nobody_is_left_behind(story: list[Fact]) -> None:
    world = World()
    resolution = world.take(story)
    living = set(resolution.people.values())
    assert {m.target for m in resolution.moved if world.redirects[m.person] == m.target} <= living
    assert not living & {m.person for m in resolution.moved}
    assert set(resolution.changed) <= living
