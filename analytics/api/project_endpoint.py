"""GET /api/v1/project: what the key's project is and how much it holds."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.query.overview import Overview, overview
from api import describe, listing, parameters
from api.auth import project_of


class OneProject(APIView):
    """The project that the key belongs to, with exact counts."""

    scope = "events:read"
    formats = listing.FORMATS

    @describe.operation("The project", parameters=parameters.Presentation, answer=Overview, row=Overview)
    def get(self, request: Request) -> HttpResponse:
        asked = parameters.read(request, parameters.Presentation)
        return listing.respond_one(request, overview(project_of(request)), asked.format)
