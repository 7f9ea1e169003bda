"""Identity resolution: a pure function from the facts of a batch to its people (definitions.md, Person).

Facts are applied one at a time, in arrival order, because each rule depends on what is known at that moment. The
result does not depend on where a batch ends: resolving two halves in turn gives the same people.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

Id = tuple[int, str]
"""A distinct id within its project."""

Properties = dict[str, Any]

MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

TWO_USERS = "both are identified users already; if they are one person, merge them manually"
UNMERGED_MANUALLY = "a member undid a merge of these two"


class Assertion(Struct, frozen=True, array_like=True, gc=False):
    """A value that an event set, or set `once`. `at`: microseconds since 1970 UTC."""

    at: int
    sequence: int
    once: bool
    value: Any

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The higher rank wins: the last $set, or else the first $set_once."""
        return (False, -self.at, -self.sequence) if self.once else (True, self.at, self.sequence)


Assertions = dict[str, Assertion]
"""The winning assertion of each property."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What one event says about its person. `sequence` is the sequence it is stored with.

    `cause` is "identify" or "alias" if the event links `linked_id` to `id`, else empty. `user_known`: the distinct id
    is a user id, so the person is identified. `proved`: the alias was sent with a secret key. `set` overwrites
    properties, `set_once` fills gaps.
    """

    id: Id
    event_id: uuid.UUID
    at: dt.datetime
    sequence: int = 0
    cause: str = ""
    linked_id: str | None = None
    user_known: bool = False
    proved: bool = False
    set: Properties = field(default_factory=dict)
    set_once: Properties = field(default_factory=dict)

    def assertions(self) -> Assertions:
        """The event's assertions. A null in `set` removes the value; a null in `set_once` does nothing."""
        at, number = (self.at - EPOCH) // MICROSECOND, self.sequence
        once = {
            name: Assertion(at, number, True, value)
            for name, value in self.set_once.items()
            if value is not None
        }
        return once | {name: Assertion(at, number, False, value) for name, value in self.set.items()}


def fold(known: Assertions, more: Assertions) -> None:
    """Merge `more` into `known`. The result does not depend on the order of calls."""
    for name, assertion in more.items():
        if name not in known or assertion.rank > known[name].rank:
            known[name] = assertion


def properties(assertions: Assertions) -> Properties:
    return {name: assertion.value for name, assertion in assertions.items() if assertion.value is not None}


@dataclass(frozen=True, slots=True)
class PersonState:
    """A person before or after the batch. `absorbed`: the people merged into them so far."""

    identified: bool = False
    assertions: Assertions = field(default_factory=dict)
    absorbed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A new row of the history of links. `other`: the person who was merged into `person`, or could not be."""

    fact: Fact
    person: int
    other: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirect: events stored as `person` belong to `target`, as of the link with this index.

    `is_new`: the person first appears in this batch.
    """

    person: int
    target: int
    link: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a batch makes of people.

    people      the person of each id at the end
    links       links made or refused, in order
    moved       redirects, in order; the newest one of a person counts
    changed     the people whose properties or identified flag changed, with their new state
    asserted    the assertions of the batch, by the id of the event
    """

    people: dict[Id, int]
    links: list[Link]
    moved: list[Moved]
    changed: dict[int, PersonState]
    asserted: dict[Id, Assertions]


def resolve(
    facts: Iterable[Fact],
    people: Mapping[Id, int],
    known: Mapping[int, PersonState],
    refused: Iterable[tuple[Id, str]] = (),
    unmerged: Iterable[tuple[int, int]] = (),
) -> Resolution:
    """`people` has the person of every id in the facts. A person that is not in `known` is new.

    `refused`: pairs (id, linked id) that were refused before. `unmerged`: people whose merge a member has undone.

    1. What a member has undone is not merged again.
    2. identify merges an anonymous person into the user's. An identified person is never merged; the link is refused.
    3. alias merges two people unless both are identified. A proved alias merges those too.
    4. Of two assertions about a property, time decides.
    5. A new person is always merged into a known one, never the other way round.
    """
    resolver = _Resolver(people, known, refused, unmerged)
    for fact in facts:
        resolver.apply(fact)
    return resolver.resolution()


class _Resolver:
    """The people while facts are applied."""

    def __init__(
        self,
        people: Mapping[Id, int],
        known: Mapping[int, PersonState],
        refused: Iterable[tuple[Id, str]],
        unmerged: Iterable[tuple[int, int]],
    ) -> None:
        self.people = dict(people)
        self.known = known
        self.refused = set(refused)
        self.apart: dict[int, set[int]] = defaultdict(set)
        for one, two in unmerged:
            self.apart[one].add(two)
            self.apart[two].add(one)
        self.members: dict[int, list[Id]] = defaultdict(list)
        for id, person in people.items():
            self.members[person].append(id)
        self.identified = {person for person in self.members if person in known and known[person].identified}
        self.assertions = {person: dict(state.assertions) for person, state in known.items()}
        self.asserted: dict[Id, Assertions] = {}
        self.absorbed = defaultdict(list, {person: list(state.absorbed) for person, state in known.items()})
        self.changed: set[int] = set()
        self.links: list[Link] = []
        self.moved: list[Moved] = []

    def apply(self, fact: Fact) -> None:
        if fact.cause and fact.linked_id is not None:
            self.link(fact, fact.linked_id)
        # After the link, which may have given the id another person.
        person = self.people[fact.id]
        if fact.user_known or fact.cause == "identify":
            self.identified.add(person)
            self.changed.add(person)
        if asserted := fact.assertions():
            fold(self.assertions.setdefault(person, {}), asserted)
            fold(self.asserted.setdefault(fact.id, {}), asserted)
            self.changed.add(person)

    def link(self, fact: Fact, linked_id: str) -> None:
        person, other = self.people[fact.id], self.people[fact.id[0], linked_id]
        if person == other:
            return
        if reason := self.refusal(fact, person, other):
            self.refuse(fact, linked_id, reason)
        else:
            self.join(fact, other, person)

    def refusal(self, fact: Fact, person: int, other: int) -> str:
        if other in self.apart[person]:
            return UNMERGED_MANUALLY
        # The id of an identify is a user's from now on, so only the other one matters.
        both_users = other in self.identified and (fact.cause == "identify" or person in self.identified)
        return TWO_USERS if both_users and not fact.proved else ""

    def refuse(self, fact: Fact, linked_id: str, reason: str) -> None:
        # Once per pair: a page that calls identify on every load would fill the history.
        if (fact.id, linked_id) not in self.refused:
            self.refused.add((fact.id, linked_id))
            other = self.people[fact.id[0], linked_id]
            self.links.append(Link(fact, self.people[fact.id], other, reason))

    def join(self, fact: Fact, source: int, target: int) -> None:
        kept, absorbed = (
            (source, target) if target not in self.known and source in self.known else (target, source)
        )
        self.links.append(Link(fact, kept, absorbed))
        fold(self.assertions.setdefault(kept, {}), self.assertions.pop(absorbed, {}))
        if absorbed in self.identified:
            self.identified.add(kept)
        for id in self.members[absorbed]:
            self.people[id] = kept
        self.changed.add(kept)
        self.redirect(absorbed, kept)
        self.members[kept] += self.members.pop(absorbed)
        for other in self.apart.pop(absorbed, ()):
            self.apart[other] = self.apart[other] - {absorbed} | {kept}
            self.apart[kept].add(other)

    def redirect(self, absorbed: int, kept: int) -> None:
        # Everyone merged into them earlier too: redirects are flat, so one look-up always suffices.
        past = [absorbed, *self.absorbed.pop(absorbed, ())]
        link = len(self.links) - 1
        self.moved += [Moved(person, kept, link, absorbed not in self.known) for person in past]
        self.absorbed[kept] += past

    def resolution(self) -> Resolution:
        changed = {
            person: PersonState(person in self.identified, self.assertions.get(person, {}))
            # Not those who were absorbed since: their facts are part of the other person's.
            for person in self.changed & self.members.keys()
        }
        return Resolution(self.people, self.links, self.moved, changed, self.asserted)
