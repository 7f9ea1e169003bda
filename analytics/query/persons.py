"""People from PostgreSQL. IDs of merged people resolve to the person they were merged into."""

import datetime as dt
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

import msgspec
from django.db.models import F, Func, IntegerField, Q, QuerySet, TextField, Value
from msgspec import Meta, Struct, structs

from analytics.identity import redirects
from analytics.models import DistinctId, Person
from analytics.query import row_filters
from api import cursor, portions
from projects.models import Project

Selected: TypeAlias = QuerySet[Person, tuple[Any, ...]]
Moment = Annotated[dt.datetime, Meta(tz=True)]
# Cursors can be forged, and their values go into SQL: a NUL or a number beyond bigint would cause a 500.
VALUES: dict[str, Any] = {
    "last_seen": Moment,
    "first_seen": Moment,
    "events": cursor.Number,
    "sessions": cursor.Number,
    "name": Annotated[str, Meta(pattern="^[^\x00]*$")],
}
SORTS = tuple(VALUES)


class PersonNotFoundError(LookupError):
    """No person in this project has this ID."""


class PersonRef(Struct, frozen=True):
    """A person in a list. `verified`: an identity token or a secret key proved one of their user IDs."""

    id: int
    name: str
    distinct_ids: list[str]
    identified: bool
    verified: bool
    first_seen: dt.datetime
    last_seen: dt.datetime
    events: int
    sessions: int


class PersonPlace(cursor.Place, tag="people", frozen=True):
    """After the person `id`, whose sorted column had `value`."""

    sort: str
    value: str | int
    id: cursor.Number


class PersonList(Struct, frozen=True):
    """One page of people; `next` is null on the last one."""

    people: list[PersonRef]
    next: str | None


class PersonDetail(PersonRef, frozen=True):
    """A person with all properties. `former_ids` are the people merged into this one."""

    former_ids: list[int]
    properties: dict[str, Any]


class PersonRow(Struct, frozen=True):
    """A person in the list, or with `deleted` the tombstone of one who was merged into the person `merged_into`.

    A tombstone has no other values. Remove your row with its `id`.
    """

    id: int
    name: str
    distinct_ids: list[str]
    identified: bool
    verified: bool
    first_seen: dt.datetime | None
    last_seen: dt.datetime | None
    events: int
    sessions: int
    former_ids: list[int]
    properties: dict[str, Any]
    merged_into: int | None = None
    deleted: bool = False


class PersonSelection(Struct, frozen=True, kw_only=True):
    """Which people: by distinct ID and by filters on properties. None means any."""

    distinct_id: str | None = None
    where: row_filters.Where = ()


def list_people(
    project: Project, *, search: str = "", sort: str = "-last_seen", after: str | None = None, limit: int = 50
) -> PersonList:
    """A page of the project's people.

    search   part of a name, email or ID, case-insensitive
    sort     one of SORTS, with "-" before it for descending order
    after    the `next` of the previous page

    Raises ValueError for an unknown sort, and cursor.CursorError for an invalid `after`.
    """
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    if column not in SORTS:
        raise ValueError(
            f"people cannot be sorted by {sort!r}; use one of {', '.join(SORTS)}, with - before it to reverse"
        )
    people = _matching(project, search)
    if after is not None:
        people = _beyond(people, column, descending, cursor.read(after, PersonPlace))
    mark = "-" if descending else ""
    # The ID breaks ties, in the same direction: pages of equal values neither skip nor repeat people, and one index
    # serves both directions.
    rows = list(people.order_by(f"{mark}{column}", f"{mark}id")[: limit + 1])
    page = rows[:limit]
    return PersonList(_refs(page), _place(column, page[-1]) if len(rows) > limit else None)


def get_person(project: Project, person_id: int) -> PersonDetail:
    """The person with this ID, or the one they were merged into. Raises PersonNotFoundError."""
    [detail] = _details([_living(project, person_id)])
    return detail


def listed(project: Project, person_ids: Iterable[int]) -> list[PersonRow]:
    """These people by ID, with tombstones of merged ones."""
    ids = list(person_ids)
    people = Person.objects.filter(project=project, pk__in=ids, merged_into=None)
    rows = [PersonRow(**structs.asdict(detail)) for detail in _details(people)]
    rows += [_tombstone(id, target) for id, target in redirects.canonical(project.pk, ids).items()]
    return sorted(rows, key=attrgetter("id"))


def ids_after(project: Project, person_id: int, which: PersonSelection, *, limit: int) -> list[int]:
    """The next IDs of people, in order."""
    people = _selected(project, which).filter(pk__gt=person_id)
    if not which.where:
        return [row[0] for row in people[:limit]]
    found: list[int] = []
    for rows in _portions(people, which):
        found += [row[0] for row in row_filters.people(project.pk, rows, which.where)]
        if len(found) >= limit:
            break
    return found[:limit]


def matching(project: Project, person_ids: Iterable[int], which: PersonSelection) -> list[int]:
    """The IDs among these that match the selection, and those of merged people, in order."""
    ids = list(person_ids)
    people = _selected(project, which).filter(pk__in=ids)
    parts = _portions(people, which) if which.where else [list(people)]
    found = {
        row[0]
        for rows in parts
        for row in (row_filters.people(project.pk, rows, which.where) if which.where else rows)
    }
    # Whatever the filters: nobody knows whether the reader's copy has the merged person.
    return sorted({*found, *redirects.canonical(project.pk, ids)})


def _portions(people: Selected, which: PersonSelection) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in portions, because the properties that are filtered by can be large."""
    size = Func(*_texts(which), template="octet_length(concat(%(expressions)s))", output_field=IntegerField())
    beyond, more = 0, True
    while more:
        following = people.filter(pk__gt=beyond).annotate(size=size)
        # Sizes first: once rows are fetched, they are all in memory.
        sized = list(following.values_list("id", "size")[: row_filters.CHUNK])
        more = len(sized) == row_filters.CHUNK
        while sized:
            count = portions.fitting(size for _, size in sized)
            begin, beyond = sized[0][0], sized[count - 1][0]
            yield list(people.filter(pk__gte=begin, pk__lte=beyond))
            sized = sized[count:]


def find_person(project: Project, distinct_id: str) -> int:
    """The ID of the person with a distinct ID. Raises PersonNotFoundError."""
    found = DistinctId.objects.filter(project=project, distinct_id=distinct_id).first()
    if found is None:
        raise PersonNotFoundError(f"no person in this project has the distinct ID {distinct_id!r}")
    return _living(project, found.person_id).pk


def user_ids(project: Project, person_id: int) -> set[str]:
    """The user ids of a person."""
    known = DistinctId.objects.filter(project=project, person=person_id, is_user=True)
    return set(known.values_list("distinct_id", flat=True))


def refs(project_id: int, person_ids: Iterable[int]) -> list[PersonRef]:
    """These people in this order. Unknown IDs are left out."""
    wanted = list(person_ids)
    found = {ref.id: ref for ref in _refs(Person.objects.filter(project_id=project_id, pk__in=wanted))}
    return [found[id] for id in wanted if id in found]


def by_distinct_ids(project: Project, distinct_ids: Iterable[str]) -> dict[str, PersonRef]:
    """The person of each distinct ID. Unknown ones are left out."""
    known = DistinctId.objects.filter(project=project, distinct_id__in=set(distinct_ids))
    behind = dict(known.values_list("distinct_id", "person_id"))
    now = redirects.canonical(project.pk, behind.values())
    living = {id: now.get(id, id) for id in behind.values()}
    people = {ref.id: ref for ref in refs(project.pk, set(living.values()))}
    return {id: people[living[person]] for id, person in behind.items() if living[person] in people}


def _living(project: Project, person_id: int) -> Person:
    current = redirects.current(project.pk, person_id)
    person = Person.objects.filter(project=project, pk=current).first()
    if person is None:
        raise PersonNotFoundError(f"no person in this project has the ID {person_id}")
    return person


def _matching(project: Project, search: str) -> QuerySet[Person]:
    people = Person.objects.filter(project=project, merged_into=None)
    # PostgreSQL rejects NUL in text: in a search it would cause a 500.
    words = search.replace("\0", "").strip()
    if not words:
        return people
    # The search text of a person with many distinct IDs is cut, so exact IDs are looked up too. In a query of its
    # own: with a subquery in the OR, PostgreSQL would expect half of all people and scan the table.
    behind = list(_with_id(project, words))
    return people.filter(Q(search__contains=words.lower()) | Q(pk__in=behind))


def _selected(project: Project, which: PersonSelection) -> Selected:
    """Rows for row_filters.people, ordered by ID."""
    people = Person.objects.filter(project=project, merged_into=None)
    if which.distinct_id is not None:
        people = people.filter(pk__in=_with_id(project, which.distinct_id))
    return people.order_by("id").values_list("id", *_texts(which))


def _texts(which: PersonSelection) -> list[Func]:
    """The properties that are filtered by."""
    # Not Django's KeyTextTransform: it takes a property named 2024 for an index of an array.
    return [
        Func(
            F("properties"),
            Value(item.property),
            arg_joiner=" ->> ",
            template="(%(expressions)s)",
            output_field=TextField(),
        )
        for item in which.where
    ]


def _with_id(project: Project, distinct_id: str) -> QuerySet[DistinctId, int]:
    return DistinctId.objects.filter(project=project, distinct_id=distinct_id).values_list(
        "person_id", flat=True
    )


def _beyond(people: QuerySet[Person], column: str, descending: bool, place: PersonPlace) -> QuerySet[Person]:
    if place.sort != column:
        raise cursor.CursorError(f"this cursor belongs to a list sorted by {place.sort}, not by {column}")
    side = "lt" if descending else "gt"
    other = "gte" if descending else "lte"
    value = _value(column, place.value)
    # Two conditions instead of an OR: the bound on the column alone lets PostgreSQL start inside the index.
    return people.filter(**{f"{column}__{side}e": value}).exclude(**{column: value, f"id__{other}": place.id})


def _value(column: str, text: str | int) -> object:
    try:
        value = msgspec.convert(text, VALUES[column])
    except msgspec.ValidationError as error:
        raise cursor.CursorError(
            "not a cursor of this list; leave it out to start at the beginning"
        ) from error
    return value


def _place(column: str, person: Person) -> str:
    value = getattr(person, column)
    return cursor.write(
        PersonPlace(column, value.isoformat() if isinstance(value, dt.datetime) else value, person.pk)
    )


def _refs(people: Iterable[Person]) -> list[PersonRef]:
    listed = list(people)
    ids: dict[int, list[str]] = {person.pk: [] for person in listed}
    known = DistinctId.objects.filter(person__in=ids).order_by("-is_user", "id")
    verified = set()
    for person_id, distinct_id, is_verified in known.values_list("person_id", "distinct_id", "verified"):
        ids[person_id].append(distinct_id)
        if is_verified:
            verified.add(person_id)
    return [_ref(person, ids[person.pk], verified=person.pk in verified) for person in listed]


def _details(people: Iterable[Person]) -> list[PersonDetail]:
    listed = list(people)
    former = redirects.former(person.pk for person in listed)
    return [
        PersonDetail(**structs.asdict(ref), former_ids=former[person.pk], properties=person.properties)
        for person, ref in zip(listed, _refs(listed), strict=True)
    ]


def _tombstone(person_id: int, merged_into: int) -> PersonRow:
    return PersonRow(
        id=person_id, name="", distinct_ids=[], identified=False, verified=False, first_seen=None, last_seen=None,
        events=0, sessions=0, former_ids=[], properties={}, merged_into=merged_into, deleted=True,
    )  # fmt: skip


def _ref(person: Person, distinct_ids: list[str], *, verified: bool) -> PersonRef:
    return PersonRef(
        id=person.pk,
        name=str(person),
        distinct_ids=distinct_ids,
        identified=person.identified,
        verified=verified,
        first_seen=person.first_seen,
        last_seen=person.last_seen,
        events=person.events,
        sessions=person.sessions,
    )
