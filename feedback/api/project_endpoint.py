"""GET /api/v1/project."""

from django.http import HttpResponse
from msgspec import structs
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.query.overview import Overview, overview
from api import describe, listing, parameters
from api.auth import project_of
from feedback.comment_access import comments_of
from projects.models import Project


class ProjectRow(Overview, frozen=True):
    """`project` is the slug, `id` the number (`project_id` in the lake).

    Insights use `data_version`, which is 0 before the first rollup.
    """

    comments: int


class OneProject(APIView):
    """The key's project, with exact counts."""

    scope = "events:read"
    formats = listing.FORMATS

    @describe.operation("The project", parameters=parameters.Presentation, answer=ProjectRow, row=ProjectRow)
    def get(self, request: Request) -> HttpResponse:
        asked = parameters.read(request, parameters.Presentation)
        return listing.respond_one(request, _row(project_of(request)), asked.format)


def _row(project: Project) -> ProjectRow:
    return ProjectRow(**structs.asdict(overview(project)), comments=comments_of(project).count())
