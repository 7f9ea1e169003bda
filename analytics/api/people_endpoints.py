"""GET /api/v1/people, people/{id}, people/{id}/facts and people/{id}/timeline."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from msgspec import Meta, Struct, structs
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.api import property_filters
from analytics.api.changes import Changes, ListPlace
from analytics.query import fact_history, persons, timeline
from analytics.query.comment_reader import comment_reader
from analytics.query.fact_history import FactChange, FactPlace
from analytics.query.persons import PersonDetail, PersonSelection
from analytics.query.timeline import Entry, TimelinePlace
from api import cursor, describe, listing, parameters, places
from api.auth import key_of, project_of
from api.negotiation import format_of
from projects.models import Key, Project


class PeoplePlace(ListPlace, tag="people", frozen=True):
    """A place in the list of people."""


class PeopleParameters(parameters.Listing, frozen=True, kw_only=True):
    """Which people."""

    distinct_id: Annotated[str | None, Meta(description="The person behind this id.")] = None
    property: property_filters.Written = ()


class PeoplePage(Struct, frozen=True):
    """`next` is always there: hand it back as `since`, now while `more` is true, later for who is new or changed."""

    people: list[PersonDetail]
    next: str
    more: bool


class PeopleSource(Changes[PersonDetail]):
    """All people by id, or those whom anything happened to since a place."""

    name = "people"
    row = PersonDetail
    kind = PeoplePlace
    rows = "people"

    def __init__(self, project: Project, which: PersonSelection, since: str | None) -> None:
        super().__init__(project, since)
        self.which = which

    def after(self, id: int, limit: int) -> list[int]:
        return persons.ids_after(self.project, id, self.which, limit=limit)

    def matching(self, ids: list[int]) -> list[int]:
        return persons.matching(self.project, ids, self.which)

    def read(self, ids: list[int]) -> list[PersonDetail]:
        return persons.details(self.project, ids)


class People(APIView):
    """Everybody in the project; who was merged away is listed under `former_ids` of who they turned out to be."""

    scope = "people:read"
    formats = listing.FORMATS

    @describe.operation("People", parameters=PeopleParameters, answer=PeoplePage, row=PersonDetail)
    def get(self, request: Request) -> HttpResponseBase:
        asked = parameters.read(request, PeopleParameters)
        which = PersonSelection(
            distinct_id=asked.distinct_id, where=property_filters.read(asked.property, "person")
        )
        source = PeopleSource(project_of(request), which, asked.since)
        return listing.respond(request, source, asked.format, asked.limit)


class PersonParameters(parameters.Presentation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As of when."""

    on: Annotated[
        dt.date | None,
        Meta(
            description="The properties as of the end of this day in the project's time zone; left out: as of now."
        ),
    ] = None


class OnePerson(APIView):
    """One person; a merged-away id answers with whom they were merged into. `on` gives the properties of an earlier
    day; everything else is as of now."""

    scope = "people:read"
    formats = listing.FORMATS

    @describe.operation("A person", parameters=PersonParameters, answer=PersonDetail, row=PersonDetail)
    def get(self, request: Request, person_id: int) -> HttpResponse:
        asked, project = parameters.read(request, PersonParameters), project_of(request)
        person = persons.get_person(project, person_id)
        if asked.on is not None:
            known = fact_history.as_of(project, person.id, asked.on)
            person = structs.replace(person, properties=known)
        return listing.respond_one(request, person, asked.format)


class FactsParameters(parameters.Presentation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which facts, and how far back."""

    limit: parameters.Limit = 100
    property: Annotated[str | None, Meta(description="Only the history of this property.")] = None
    before: Annotated[
        str | None, Meta(description="The `next` of the page before; left out: from now on back.")
    ] = None


class FactsPage(Struct, frozen=True):
    """Newest first; `next` leads further back as `before`, and is null at the beginning."""

    facts: list[FactChange]
    next: str | None
    more: bool


class FactsSource:
    """What changed about one person, newest first."""

    name = "facts"
    row = FactChange
    end = None

    def __init__(self, project: Project, person_id: int, name: str | None, before: str | None) -> None:
        self.start = None if before is None else places.read("before", before, FactPlace, project)
        self.project = project
        self.person_id = persons.get_person(project, person_id).id
        self.property = name
        self.more = True

    @property
    def place(self) -> str | None:
        return None if self.start is None or not self.more else cursor.write(self.start)

    def take(self, limit: int) -> Sequence[FactChange]:
        found = fact_history.history(
            self.project, self.person_id, name=self.property, before=self.start, limit=limit + 1
        )
        page, self.more = found[:limit], len(found) > limit
        if page:
            self.start = FactPlace(page[-1].at, page[-1].sequence, page[-1].property)
        return page


class PersonFacts(APIView):
    """What was known about one person since when: each change of a property, with the value before it."""

    scope = "people:read"
    formats = listing.FORMATS

    @describe.operation("A person's facts", parameters=FactsParameters, answer=FactsPage, row=FactChange)
    def get(self, request: Request, person_id: int) -> HttpResponseBase:
        asked = parameters.read(request, FactsParameters)
        source = FactsSource(project_of(request), person_id, asked.property, asked.before)
        return listing.respond(request, source, asked.format, asked.limit)


class TimelineParameters(parameters.Presentation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far back."""

    limit: parameters.Limit = 100
    before: Annotated[
        str | None, Meta(description="The `next` of the page before; left out: from now on back.")
    ] = None


class TimelinePage(Struct, frozen=True):
    """Newest first; `next` leads further back as `before`, and is null at the beginning of the person's story."""

    entries: list[Entry]
    next: str | None
    more: bool


class TimelineRow(Struct, frozen=True):
    """An entry as a line of CSV: `entry` is all of it, as JSON."""

    at: dt.datetime
    type: str
    entry: Entry


class TimelineSource:
    """One person's entries, newest first."""

    name = "entries"
    row = TimelineRow
    end = None

    def __init__(self, key: Key, person_id: int, before: str | None, *, flat: bool) -> None:
        project = key.project
        if before is not None:
            places.read("before", before, TimelinePlace, project)
        self.project = project
        self.comments = comment_reader() if "comments:read" in key.scopes else None
        self.person_id = persons.get_person(project, person_id).id
        self.place = before
        self.flat = flat
        self.more = True

    def take(self, limit: int) -> Sequence[Struct]:
        page = timeline.timeline(
            self.project, self.person_id, before=self.place, limit=limit, comments=self.comments
        )
        self.place = page.next
        self.more = page.next is not None
        return (
            [TimelineRow(entry.at, entry.type, entry) for entry in page.entries]
            if self.flat
            else page.entries
        )


class PersonTimeline(APIView):
    """What one person did: sessions with their events inside, events outside of sessions, and identity links.

    Words of comments are there for a key with the scope `comments:read` too.
    """

    scope = "people:read"
    formats = listing.FORMATS

    @describe.operation(
        "A person's timeline", parameters=TimelineParameters, answer=TimelinePage, row=TimelineRow
    )
    def get(self, request: Request, person_id: int) -> HttpResponseBase:
        asked = parameters.read(request, TimelineParameters)
        flat = format_of(request, asked.format) == "csv"
        source = TimelineSource(key_of(request), person_id, asked.before, flat=flat)
        return listing.respond(request, source, asked.format, asked.limit)
