"""GET /api/v1/sessions."""

from typing import Annotated

from django.http.response import HttpResponseBase
from msgspec import Meta, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.api.changes import Changes, ListPlace
from analytics.query import sessions
from analytics.query.sessions import SessionRow, SessionSelection
from api import describe, listing, parameters
from api.auth import project_of
from projects.models import Project


class SessionPlace(ListPlace, tag="sessions", frozen=True):
    """A position in the list of sessions."""


class SessionParameters(parameters.Dated, frozen=True, kw_only=True):
    """Which sessions. `from` and `to` apply to the start of the session."""

    person: Annotated[
        parameters.Number | None,
        Meta(description="Only sessions of the person with this ID, including IDs merged into it."),
    ] = None


class SessionPage(Struct, frozen=True):
    """`next` is the cursor of the next page; null on the last one. Store `since` to get changes later."""

    sessions: list[SessionRow]
    next: str | None
    since: str
    more: bool


class SessionSource(Changes[SessionRow]):
    """All sessions by ID, or those with new events or another person since a cursor."""

    name = "sessions"
    row = SessionRow
    kind = SessionPlace
    rows = "sessions"

    def __init__(self, project: Project, which: SessionSelection, since: str | None) -> None:
        super().__init__(project, since)
        self.which = which

    def after(self, id: int, limit: int) -> list[int]:
        return sessions.ids_after(self.project, id, self.which, limit=limit)

    def matching(self, ids: list[int]) -> list[int]:
        return sessions.matching(self.project, ids, self.which)

    def read(self, ids: list[int]) -> list[SessionRow]:
        return sessions.listed(self.project, ids)


class Sessions(APIView):
    """Sessions. One ends after 30 minutes without events, and after 24 hours at most."""

    scope = "events:read"
    formats = listing.FORMATS

    @describe.operation("Sessions", parameters=SessionParameters, answer=SessionPage, row=SessionRow)
    def get(self, request: Request) -> HttpResponseBase:
        asked = parameters.read(request, SessionParameters)
        project = project_of(request)
        start, end = asked.span(project.zone)
        which = SessionSelection(start=start, end=end, person=asked.person)
        return listing.respond(request, SessionSource(project, which, asked.since), asked.format, asked.limit)
