"""A picture of a comment, for members. What a visitor uploaded never becomes an active part of our origin."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.pages import project_page
from feedback import pictures
from feedback.models import Picture
from projects.models import Project

TYPES = {"png": "image/png", "jpg": "image/jpeg", "json": "application/json"}
POLICY = "default-src 'none'; sandbox; frame-ancestors 'self'"


@require_safe
@project_page()
def picture(request: HttpRequest, project: Project, picture_id: str) -> HttpResponse:
    try:
        found = pictures.get_picture_for(project, picture_id)
    except Picture.DoesNotExist as error:
        raise Http404("there is no such picture; it may have been deleted") from error
    extension = str(found.file.name).rpartition(".")[2]
    with found.file.open("rb") as file:
        response = HttpResponse(file.read(), content_type=TYPES[extension])
    # A snapshot is data for the frame that draws it; opened by itself it is a download.
    how = "inline" if found.kind == Picture.Kind.IMAGE else "attachment"
    response.headers["Content-Disposition"] = f'{how}; filename="{found.message_id}.{extension}"'
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
