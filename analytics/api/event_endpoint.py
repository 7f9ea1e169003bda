"""GET /api/v1/events: everything that anybody did, in the order of storing."""

from typing import Annotated

from django.http.response import HttpResponseBase
from msgspec import Meta, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.api import property_filters
from analytics.query import events
from analytics.query.events import Event, Selection
from api import describe, listing, parameters
from api.auth import project_of
from api.growing import Growing, GrowingPlace
from projects.models import Project


class EventPlace(GrowingPlace, tag="events", frozen=True):
    """A place in the list of events: a sequence."""


class EventParameters(parameters.Dated, frozen=True, kw_only=True):
    """Which events."""

    event: Annotated[str | None, Meta(description="The event's name.")] = None
    person: Annotated[
        parameters.Number | None, Meta(description="A person's id; their merged ids count too.")
    ] = None
    distinct_id: Annotated[str | None, Meta(description="The id under which a client sent it.")] = None
    session: Annotated[parameters.Number | None, Meta(description="A session's id.")] = None
    property: property_filters.Written = ()


class EventPage(Struct, frozen=True):
    """`next` is always there: hand it back as `since`, now while `more` is true, later for what is new."""

    events: list[Event]
    next: str
    more: bool


class EventSource(Growing[Event]):
    """Events in the order of storing."""

    name = "events"
    row = Event
    kind = EventPlace

    def __init__(self, project: Project, which: Selection, since: str | None) -> None:
        super().__init__(project, since)
        self.reader = events.Reader(project, which, after=self.after, upto=self.upto)

    def newest(self) -> int:
        return events.newest()

    def read(self, limit: int) -> list[tuple[int, Event]]:
        return [(row.sequence, row) for row in self.reader.take(limit)]


class Events(APIView):
    """Events in the order in which they were stored, each exactly once."""

    scope = "events:read"
    formats = listing.FORMATS

    @describe.operation("Events", parameters=EventParameters, answer=EventPage, row=Event)
    def get(self, request: Request) -> HttpResponseBase:
        asked = parameters.read(request, EventParameters)
        project = project_of(request)
        start, end = asked.span(project.zone)
        which = Selection(
            start=start,
            end=end,
            event=asked.event,
            person=asked.person,
            distinct_id=asked.distinct_id,
            session=asked.session,
            where=property_filters.read(asked.property, "event"),
        )
        return listing.respond(request, EventSource(project, which, asked.since), asked.format, asked.limit)
