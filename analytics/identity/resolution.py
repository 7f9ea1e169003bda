"""Who is whom: a pure function from what a batch says about people to what becomes of them (definitions.md, Person).

Facts are taken in arrival order, one at a time, because each rule depends on what is known at that moment. The
result does not depend on where a batch ends: resolving two halves one after the other gives the same people.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

Id = tuple[int, str]
"""A distinct id within its project."""

Properties = dict[str, Any]

MICROSECOND = dt.timedelta(microseconds=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

TWO_USERS = "both are known as users already; if they are one, merge them by hand"
PARTED_BY_HAND = "a merge of these two was undone by hand"


class Assertion(Struct, frozen=True, array_like=True, gc=False):
    """A value that an event gave to a property, `once` or not. `at`: microseconds since 1970 UTC."""

    at: int
    sequence: int
    once: bool
    value: Any

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Of two, the one of higher rank counts: the last that was set, or else the first that was set once."""
        return (False, -self.at, -self.sequence) if self.once else (True, self.at, self.sequence)


Assertions = dict[str, Assertion]
"""Of each property the assertion that counts."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What one event says about its person. `sequence` is the one under which it is stored.

    `cause` is "identify" or "alias" where it links `linked_id` to `id`, and empty otherwise. `user_known`: the
    distinct id is a user's, so their person is identified. `set` overwrites properties, `set_once` fills gaps.
    """

    id: Id
    event_id: uuid.UUID
    at: dt.datetime
    sequence: int = 0
    cause: str = ""
    linked_id: str | None = None
    user_known: bool = False
    set: Properties = field(default_factory=dict)
    set_once: Properties = field(default_factory=dict)

    def assertions(self) -> Assertions:
        """Null takes a value away, but claims no place that is set once."""
        at, number = (self.at - EPOCH) // MICROSECOND, self.sequence
        once = {
            name: Assertion(at, number, True, value)
            for name, value in self.set_once.items()
            if value is not None
        }
        return once | {name: Assertion(at, number, False, value) for name, value in self.set.items()}


def fold(known: Assertions, more: Assertions) -> None:
    """Take `more` into `known`, in whatever order they were made."""
    for name, assertion in more.items():
        if name not in known or assertion.rank > known[name].rank:
            known[name] = assertion


def properties(assertions: Assertions) -> Properties:
    return {name: assertion.value for name, assertion in assertions.items() if assertion.value is not None}


@dataclass(frozen=True, slots=True)
class Standing:
    """A person before the batch. `absorbed`: the persons that were merged into them so far, whose assertions count."""

    identified: bool = False
    assertions: Assertions = field(default_factory=dict)
    absorbed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Pairs (id, linked id) that were refused before, and pairs whose merge was undone by hand."""

    refused: Collection[tuple[Id, str]] = ()
    parted: Collection[tuple[Id, str]] = ()


@dataclass(slots=True)
class Link:
    """One line of the append-only record of links. `other`: the person merged away, or refused; None: a new id."""

    fact: Fact
    person: int
    other: int | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """Events stored as `person` belong to `target` from the link with this index on."""

    person: int
    target: int
    link: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a batch makes of people.

    people      where each id belongs in the end
    origins     as whom the events of each id that was new are stored
    links       what was linked or refused, in order
    moved       redirects, in order; the newest of a person counts
    changed     the persons whose properties or standing changed, as they are now
    asserted    what the batch asserts, by the id under which it was said
    """

    people: dict[Id, int]
    origins: dict[Id, int]
    links: list[Link]
    moved: list[Moved]
    changed: dict[int, Standing]
    asserted: dict[Id, Assertions]


def resolve(
    facts: Iterable[Fact], people: Mapping[Id, int], known: Mapping[int, Standing], history: History
) -> Resolution:
    """`people` has the person of every id that the facts name; a person that is not in `known` is new.

    1. identify: a person who is not identified joins the user's, with their past and properties; one who is stays.
    2. alias: joins either way. 3. Of what was asserted about either, the time decides. 4. A new person never outlives
    one who was there.
    """
    state = _State(people, known, history)
    for fact in facts:
        state.take(fact)
    return state.resolution()


class _State:
    """The people while the facts are taken."""

    def __init__(self, people: Mapping[Id, int], known: Mapping[int, Standing], history: History) -> None:
        self.people = dict(people)
        self.known = known
        self.refused = set(history.refused)
        self.parted = history.parted
        self.origins = {id: person for id, person in people.items() if person not in known}
        self.members: dict[int, list[Id]] = {}
        for id, person in people.items():
            self.members.setdefault(person, []).append(id)
        self.identified = {person for person in self.members if person in known and known[person].identified}
        self.assertions = {person: dict(standing.assertions) for person, standing in known.items()}
        self.asserted: dict[Id, Assertions] = {}
        self.absorbed = {person: list(standing.absorbed) for person, standing in known.items()}
        self.dissolved: dict[int, int] = {}
        self.changed: set[int] = set()
        self.links: list[Link] = []
        self.moved: list[Moved] = []

    def take(self, fact: Fact) -> None:
        if fact.cause and fact.linked_id is not None:
            self.link(fact, fact.linked_id)
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
        if reason := self.objection(fact, linked_id, other):
            self.refuse(fact, linked_id, reason)
        else:
            self.join(fact, other, person)

    def objection(self, fact: Fact, linked_id: str, other: int) -> str:
        if fact.cause == "identify" and (fact.id, linked_id) in self.parted:
            return PARTED_BY_HAND
        if fact.cause == "identify" and other in self.identified:
            return TWO_USERS
        return ""

    def refuse(self, fact: Fact, linked_id: str, reason: str) -> None:
        """Once a pair: a page that identifies on every load must not fill the record."""
        if (fact.id, linked_id) not in self.refused:
            self.refused.add((fact.id, linked_id))
            other = self.people[fact.id[0], linked_id]
            self.links.append(Link(fact, self.people[fact.id], other, reason))

    def join(self, fact: Fact, source: int, target: int) -> None:
        kept, gone = (
            (source, target) if target not in self.known and source in self.known else (target, source)
        )
        self.links.append(Link(fact, kept, gone if gone in self.known else None))
        fold(self.assertions.setdefault(kept, {}), self.assertions.pop(gone, {}))
        if gone in self.identified:
            self.identified.add(kept)
        for id in self.members[gone]:
            self.people[id] = kept
        self.changed.add(kept)
        if gone in self.known:
            self.redirect(gone, kept)
        else:
            self.dissolve(gone, kept)
        self.members[kept] += self.members.pop(gone)

    def redirect(self, gone: int, kept: int) -> None:
        past = [gone, *self.absorbed.pop(gone)]
        self.moved += [Moved(person, kept, len(self.links) - 1) for person in past]
        self.absorbed[kept] += past

    def dissolve(self, gone: int, kept: int) -> None:
        self.dissolved[gone] = kept
        for id in self.members[gone]:
            self.origins[id] = kept

    def lasting(self, person: int) -> int:
        """The number under which a new person is remembered, should they have been dissolved into another."""
        while person in self.dissolved:
            person = self.dissolved[person]
        return person

    def resolution(self) -> Resolution:
        for link in self.links:
            link.person = self.lasting(link.person)
            link.other = None if link.other is None else self.lasting(link.other)
        changed = {
            person: Standing(person in self.identified, self.assertions.get(person, {}))
            for person in self.changed & self.members.keys()
        }
        return Resolution(self.people, self.origins, self.links, self.moved, changed, self.asserted)
