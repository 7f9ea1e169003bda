"""GET /api/v1/events."""

from typing import Annotated

from django.http.response import HttpResponseBase
from msgspec import Meta, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.api import property_filters
from analytics.query import events
from analytics.query.events import Event, Selection
from api import describe, listing, parameters
from api.append_only import AppendOnlyPlace, AppendOnlySource
from api.auth import project_of
from projects.models import Project


class EventPlace(AppendOnlyPlace, tag="events", frozen=True):
    """A position in the list of events. Its number is a sequence."""


class EventParameters(parameters.Dated, frozen=True, kw_only=True):
    """Which events."""

    event: Annotated[str | None, Meta(description="Only events with this name.")] = None
    person: Annotated[
        parameters.Number | None,
        Meta(description="Only events of the person with this ID, including IDs merged into it."),
    ] = None
    distinct_id: Annotated[str | None, Meta(description="Only events sent with this distinct ID.")] = None
    session: Annotated[parameters.Number | None, Meta(description="Only events of this session.")] = None
    property: property_filters.Written = ()


class EventPage(Struct, frozen=True):
    """`next` is the cursor of the next page; null on the last one. Store `since` to get new events later."""

    events: list[Event]
    next: str | None
    since: str
    more: bool


class EventSource(AppendOnlySource[Event]):
    """Events in the order in which they were stored."""

    name = "events"
    row = Event
    kind = EventPlace

    def __init__(self, project: Project, which: Selection, since: str | None) -> None:
        super().__init__(project, since)
        self.reader = events.Reader(project, which, after=self.after, upto=self.upto)

    def newest(self) -> int:
        return events.newest()

    def read(self, limit: int) -> tuple[list[tuple[int, Event]], bool]:
        found = [(row.sequence, row) for row in self.reader.take(limit)]
        return found, self.reader.more


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
