"""GET /api/v1/events: everything that anybody did, in the order of storing."""

from typing import Annotated

from django.http.response import HttpResponseBase
from msgspec import Meta, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.api import describe, listing, parameters
from analytics.api.auth import project_of
from analytics.query import cursor, events
from analytics.query.events import Event, EventPlace, Selection
from projects.models import Project


class EventParameters(
    parameters.Listing, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """Which events."""

    from_: parameters.Moment = None
    to: Annotated[parameters.Moment, Meta(description="The last day or moment, inclusive.")] = None
    event: Annotated[str | None, Meta(description="The event's name.")] = None
    person: Annotated[
        parameters.Number | None, Meta(description="A person's id; their merged ids count too.")
    ] = None
    distinct_id: Annotated[str | None, Meta(description="The id under which a client sent it.")] = None
    session: Annotated[parameters.Number | None, Meta(description="A session's id.")] = None


class EventPage(Struct, frozen=True):
    """`next` is always there: hand it back as `since`, now while `more` is true, later for what is new."""

    events: list[Event]
    next: str
    more: bool


class EventSource:
    """Events after a place, up to the one stored last when the request came."""

    name = "events"
    row = Event

    def __init__(self, project: Project, which: Selection, since: str | None) -> None:
        self.project = project
        self.which = which
        self.after = cursor.read(since, EventPlace).sequence if since is not None else 0
        self.upto = max(events.newest(), self.after)

    def take(self, limit: int) -> list[Event]:
        rows = events.read(self.project, self.which, after=self.after, upto=self.upto, limit=limit)
        self.after = rows[-1].sequence if len(rows) == limit else self.upto
        return rows

    @property
    def place(self) -> str:
        return cursor.write(EventPlace(self.after))

    @property
    def end(self) -> str:
        return cursor.write(EventPlace(self.upto))


class Events(APIView):
    """Events in the order in which they were stored, each exactly once."""

    scope = "events:read"
    formats = listing.FORMATS

    @describe.operation("Events", parameters=EventParameters, answer=EventPage, row=Event)
    def get(self, request: Request) -> HttpResponseBase:
        asked = parameters.read(request, EventParameters)
        project = project_of(request)
        which = Selection(
            start=parameters.start_of(asked.from_, project.zone),
            end=parameters.end_of(asked.to, project.zone),
            event=asked.event,
            person=asked.person,
            distinct_id=asked.distinct_id,
            session=asked.session,
        )
        return listing.respond(request, EventSource(project, which, asked.since), asked.format, asked.limit)
