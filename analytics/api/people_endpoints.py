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
from analytics.query.persons import PersonDetail, PersonRow, PersonSelection
from analytics.query.timeline import Entry, TimelinePlace
from api import cursor, describe, listing, parameters, places
from api.auth import key_of, project_of
from api.negotiation import format_of
from projects.models import Key, Project


class PeoplePlace(ListPlace, tag="people", frozen=True):
    """A position in the list of people."""


class PeopleParameters(parameters.Listing, frozen=True, kw_only=True):
    """Which people."""

    distinct_id: Annotated[str | None, Meta(description="Only the person with this distinct ID.")] = None
    property: property_filters.Written = ()


class PersonPage(Struct, frozen=True):
    """`next` is the cursor of the next page; null on the last one. Store `since` to get changes later."""

    people: list[PersonRow]
    next: str | None
    since: str
    more: bool


class PeopleSource(Changes[PersonRow]):
    """All people by ID, or those who changed since a cursor."""

    name = "people"
    row = PersonRow
    kind = PeoplePlace
    rows = "people"

    def __init__(self, project: Project, which: PersonSelection, since: str | None) -> None:
        super().__init__(project, since)
        self.which = which

    def after(self, id: int, limit: int) -> list[int]:
        return persons.ids_after(self.project, id, self.which, limit=limit)

    def matching(self, ids: list[int]) -> list[int]:
        return persons.matching(self.project, ids, self.which)

    def read(self, ids: list[int]) -> list[PersonRow]:
        return persons.listed(self.project, ids)


class People(APIView):
    """People of the project. IDs of merged people are in `former_ids` of the person they were merged into.

    With `since`, people who were merged away come as tombstones: `deleted` is true, `merged_into` has the person.
    """

    scope = "people:read"
    formats = listing.FORMATS

    @describe.operation("People", parameters=PeopleParameters, answer=PersonPage, row=PersonRow)
    def get(self, request: Request) -> HttpResponseBase:
        asked = parameters.read(request, PeopleParameters)
        which = PersonSelection(
            distinct_id=asked.distinct_id, where=property_filters.read(asked.property, "person")
        )
        source = PeopleSource(project_of(request), which, asked.since)
        return listing.respond(request, source, asked.format, asked.limit)


class PersonParameters(parameters.Presentation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The date of the properties."""

    on: Annotated[
        dt.date | None,
        Meta(description="The properties at the end of this day in the project's time zone. Default: now."),
    ] = None


class OnePerson(APIView):
    """One person. The ID of a merged person returns the person they were merged into.

    `on` returns the properties of an earlier day. All other fields are current.
    """

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
    """Which facts, and where to continue."""

    limit: parameters.Limit = 100
    property: Annotated[str | None, Meta(description="Only this property.")] = None
    before: Annotated[
        str | None, Meta(description="The `next` of the previous page. Default: start with the newest.")
    ] = None


class FactsPage(Struct, frozen=True):
    """Newest first. Send `next` back as `before` to get older ones. It is null on the last page."""

    facts: list[FactChange]
    next: str | None
    more: bool


class FactsSource:
    """Changes of one person's facts, newest first."""

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
        page, self.more = fact_history.history(
            self.project, self.person_id, name=self.property, before=self.start, limit=limit
        )
        if page:
            self.start = FactPlace(page[-1].at, page[-1].sequence, page[-1].property)
        return page


class PersonFacts(APIView):
    """The history of one person's properties: each change with the value before and after it."""

    scope = "people:read"
    formats = listing.FORMATS

    @describe.operation("A person's facts", parameters=FactsParameters, answer=FactsPage, row=FactChange)
    def get(self, request: Request, person_id: int) -> HttpResponseBase:
        asked = parameters.read(request, FactsParameters)
        source = FactsSource(project_of(request), person_id, asked.property, asked.before)
        return listing.respond(request, source, asked.format, asked.limit)


class TimelineParameters(parameters.Presentation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to continue."""

    limit: parameters.Limit = 100
    before: Annotated[
        str | None, Meta(description="The `next` of the previous page. Default: start with the newest.")
    ] = None


class TimelinePage(Struct, frozen=True):
    """Newest first. Send `next` back as `before` to get older entries. It is null on the last page."""

    entries: list[Entry]
    next: str | None
    more: bool


class TimelineRow(Struct, frozen=True):
    """A CSV row. `entry` is the whole entry as JSON."""

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
            # Checked before anything is sent: once a stream has begun, an invalid cursor can no longer be a 400.
            places.read("before", before, TimelinePlace, project)
        self.project = project
        # Without the scope no comment is read at all, so that none can slip into an entry.
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
    """One person's sessions with their events, events outside of sessions, and identity links.

    Comments are included if the key also has the scope `comments:read`.
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
