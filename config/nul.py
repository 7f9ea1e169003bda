"""Refuses NUL characters in what browsers send. PostgreSQL stores none, so any query with one would be a 500."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

API = "/api/"


class NulRefused(MiddlewareMixin):
    """400 for a NUL in the query, a form or a cookie. The export API names the parameter itself."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if request.path.startswith(API):
            return None
        for name, text in _texts(request):
            if "\0" in name or "\0" in text:
                page = render_to_string("400.html", {"field": name.replace("\0", "")})
                return HttpResponseBadRequest(page)
        return None


def _texts(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for given in (request.GET, request.POST):
        for name, values in given.lists():
            yield from ((name, value) for value in values if isinstance(value, str))
    yield from request.COOKIES.items()
