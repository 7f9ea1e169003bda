"""GET /api/v1/sessions: who came, when, for how long."""

from typing import Annotated

from django.http.response import HttpResponseBase
from msgspec import Meta, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.api import describe, listing, parameters
from analytics.api.auth import project_of
from analytics.api.changes import Changes, ListPlace
from analytics.query import sessions
from analytics.query.sessions import SessionRow, SessionSelection
from projects.models import Project


class SessionPlace(ListPlace, tag="sessions", frozen=True):
    """A place in the list of sessions."""


class SessionParameters(
    parameters.Listing, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """Which sessions."""

    from_: Annotated[
        parameters.Moment, Meta(description="Those that began on this day or moment, or later.")
    ] = None
    to: Annotated[parameters.Moment, Meta(description="Those that began on this day or by this moment.")] = (
        None
    )
    person: Annotated[parameters.Number | None, Meta(description="A person's id.")] = None


class SessionPage(Struct, frozen=True):
    """`next` is always there: hand it back as `since`, now while `more` is true, later for what is new or went on."""

    sessions: list[SessionRow]
    next: str
    more: bool


class SessionSource:
    """All sessions by id, or those in which anything happened since a place."""

    name = "sessions"
    row = SessionRow

    def __init__(self, project: Project, which: SessionSelection, since: str | None) -> None:
        self.project = project
        self.which = which
        self.changes = Changes(project, SessionPlace, "session_id", since)

    def take(self, limit: int) -> list[SessionRow]:
        return sessions.listed(self.project, self.changes.take(self._after, self._among, limit))

    def _after(self, session_id: int, limit: int) -> list[int]:
        return sessions.ids_after(self.project, session_id, self.which, limit=limit)

    def _among(self, ids: set[int]) -> list[int]:
        return sessions.among(self.project, ids, self.which)

    @property
    def place(self) -> str:
        return self.changes.place

    @property
    def end(self) -> str:
        return self.changes.end


class Sessions(APIView):
    """Visits: a client's session id, cut after 30 minutes of silence and after 24 hours."""

    scope = "events:read"
    formats = listing.FORMATS

    @describe.operation("Sessions", parameters=SessionParameters, answer=SessionPage, row=SessionRow)
    def get(self, request: Request) -> HttpResponseBase:
        asked = parameters.read(request, SessionParameters)
        project = project_of(request)
        which = SessionSelection(
            start=parameters.start_of(asked.from_, project.zone),
            end=parameters.end_of(asked.to, project.zone),
            person=asked.person,
        )
        return listing.respond(request, SessionSource(project, which, asked.since), asked.format, asked.limit)
