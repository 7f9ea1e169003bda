"""Errors of the export API as problem details (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from msgspec import Struct, json
from rest_framework import exceptions
from rest_framework.response import Response

from api.cursor import CursorError

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

logger = logging.getLogger(__name__)


class Problem(Struct, frozen=True, omit_defaults=True):
    """The body of every error. `where` names the parameter, or the field of the body, at fault."""

    title: str
    status: int
    detail: str
    where: str = ""


class BadParameterError(exceptions.APIException):
    """Invalid parameter or body."""

    status_code = HTTPStatus.BAD_REQUEST

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(detail)
        self.where = where


class UnprocessableError(exceptions.APIException):
    """The request is valid, but takes more time or memory than one request may take."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY


class UnavailableError(exceptions.APIException):
    """The database or the lake is unavailable. The client should retry."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE


def problem_response(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. Unexpected errors are logged; clients get no details of them."""
    status, detail = _explained(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("the export API failed", exc_info=error)
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        logger.error("%s: %s", detail, str(error.__cause__ or error).partition("\n")[0])
    problem = Problem(HTTPStatus(status).phrase, int(status), detail, getattr(error, "where", ""))
    body = {name: value for name in problem.__struct_fields__ if (value := getattr(problem, name))}
    return Response(body, status=status, headers=_headers(error, status), content_type=MEDIA_TYPE)


def unknown_address(request: HttpRequest) -> HttpResponse:
    """The 404 of all unknown paths under /api/."""
    problem = Problem("Not Found", 404, f"there is no endpoint {request.path}; see /api/docs/")
    return HttpResponse(json.encode(problem), status=404, content_type=MEDIA_TYPE)


def bad_parameter(where: str, detail: str) -> HttpResponse:
    """A 400 for views outside of the REST framework."""
    problem = Problem("Bad Request", 400, detail, where)
    return HttpResponse(json.encode(problem), status=400, content_type=MEDIA_TYPE)


def too_many_requests(detail: str, seconds: int) -> HttpResponse:
    """A 429 for code outside of the REST framework."""
    problem = Problem("Too Many Requests", 429, detail)
    headers = {"Retry-After": str(seconds)}
    return HttpResponse(json.encode(problem), status=429, content_type=MEDIA_TYPE, headers=headers)


def _explained(error: Exception) -> tuple[int, str]:
    match error:
        case exceptions.APIException():
            return error.status_code, str(error.detail)
        case CursorError():
            return HTTPStatus.BAD_REQUEST, str(error)
        case Http404():
            return HTTPStatus.NOT_FOUND, str(error)
        case PermissionDenied():
            return HTTPStatus.FORBIDDEN, str(error) or "access denied"
        case OperationalError() | InterfaceError():
            return HTTPStatus.SERVICE_UNAVAILABLE, "the database is unavailable; try again later"
    return HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the server's log"


def _headers(error: Exception, status: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    if authenticate := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if wait := getattr(error, "wait", None):
        # At least 1: after 0, clients retry at once.
        headers["Retry-After"] = str(max(1, round(wait)))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return headers
