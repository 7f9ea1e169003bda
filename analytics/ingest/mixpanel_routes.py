"""Mixpanel's paths: how their bodies are parsed, and the responses that its clients expect."""

from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from analytics.ingest.accept import MAX_ID, AcceptResult
from analytics.ingest.http import TEXT_TYPE, Request, Response
from analytics.ingest.intake import Endpoint
from analytics.ingest.routes import (
    MAX_LISTED,
    issues,
    parse_posthog,
    posthog_error,
    posthog_success,
    store,
)
from analytics.ingest.wire import mixpanel, posthog
from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Payload, RequestRejectedError

METHODS = ("GET", "POST", "OPTIONS")
PLAIN = Response(200, b"1", (TEXT_TYPE,))
VERBOSE = Response(200, b'{"status":1,"error":null}')


def success(request: Request, result: AcceptResult, *, verbose: bool) -> Response:
    """As in PostHog's format, a request without a single valid event is an error, so that its sender notices."""
    reason = next((event.reason for _, event in result.rejections), None)
    if reason and reason != DropReason.BOT and not result.events:
        return _error(413 if reason == DropReason.TOO_LARGE else 400, f"{reason}: {EXPLANATIONS[reason]}")
    if not verbose:
        return PLAIN
    if not result.has_issues:
        return VERBOSE
    return Response(200, msgspec.json.encode({"status": 1, "error": None, **issues(result)}))


def error_response(error: RequestRejectedError) -> Response:
    return _error(error.status, f"{error.reason}: {error}")


def _error(status: int, message: str) -> Response:
    return Response(status, msgspec.json.encode({"status": 0, "error": message}))


def import_success(request: Request, result: AcceptResult) -> Response:
    """The valid events are stored. With `strict`, the default, the response is a 400 if there were others."""
    body: dict[str, Any] = {"code": 200, "num_records_imported": len(result.events), "status": "OK"}
    if result.rejections and request.parameter("strict") != "0":
        body |= {
            "code": 400,
            "status": "Bad Request",
            "error": "some data points in the request failed validation",
            "failed_records": [
                {
                    "index": index,
                    "insert_id": each.message_id[:MAX_ID],
                    "field": each.reason,
                    "message": EXPLANATIONS[each.reason],
                }
                for index, each in result.rejections[:MAX_LISTED]
            ],
        }
    return Response(body["code"], msgspec.json.encode(body | issues(result)))


def import_error(error: RequestRejectedError) -> Response:
    body = {"code": error.status, "error": f"{error.reason}: {error}", "num_records_imported": 0}
    return Response(error.status, msgspec.json.encode(body | {"status": "Bad Request"}))


def unwrap(request: Request, body: bytes, limit: int) -> bytes:
    kind = request.header(b"content-type")
    if kind.startswith(mixpanel.FORM) or body.startswith(b"data=") or request.parameter("data"):
        request.form = mixpanel.flags(body, kind)
    hints = posthog.RequestHints(kind, request.parameter("data"), _told(request).get("compression", ""))
    return posthog.unwrap(body, hints, limit)


def unwrap_import(request: Request, body: bytes, limit: int) -> bytes:
    if request.header(b"content-type").startswith(mixpanel.LINES):
        return mixpanel.from_lines(posthog.unwrap(body, posthog.RequestHints(), limit))
    return unwrap(request, body, limit)


def parse_import(request: Request, body: bytes) -> Payload:
    return parse(request, body, mixpanel.Hints(historical=True, key=request.basic_user()))


def parse(request: Request, body: bytes, hints: mixpanel.Hints) -> Payload:
    told = _told(request)
    # A form of /import is answered like one of /track, as mixpanel-python expects.
    if not hints.historical or request.form is not None:
        request.respond_as = ANSWERS[told.get("verbose") == "1"]
    return mixpanel.parse(body, hints._replace(use_address=told.get("ip") == "1"))


def unwrap_shared(request: Request, body: bytes, limit: int) -> bytes:
    """The JSON of a body of /track or /engage, which may be PostHog's."""
    text = unwrap(request, body, limit)
    # Chosen here, because the key may be refused before the body is parsed.
    if mixpanel.matches(text):
        request.respond_as = TRACK
    return text


def parse_shared(request: Request, body: bytes, *, updates: bool) -> Payload:
    if request.respond_as is TRACK:
        return parse(request, body, mixpanel.Hints(updates=updates))
    return parse_posthog(request, body, engage=updates)


def _told(request: Request) -> dict[str, str]:
    """The parameters of the query, and those of a form that are not its data."""
    query = request.parameters() if request.query else {}
    return query | (request.form or {})


def no_key(request: Request) -> str:
    """Basic authentication holds a secret of Mixpanel, unless the records have no token."""
    return ""


TRACK = Endpoint(
    partial(parse, hints=mixpanel.Hints()),
    partial(store, success=partial(success, verbose=False)),
    error_response,
    posthog.MAX_BODY,
    posthog.MAX_EVENT,
    methods=METHODS,
    unwrap=unwrap,
    header_key=no_key,
)
ANSWERS = {False: TRACK, True: replace(TRACK, handle=partial(store, success=partial(success, verbose=True)))}


def _shared(*, updates: bool) -> Endpoint:
    return replace(
        TRACK,
        unwrap=unwrap_shared,
        parse=partial(parse_shared, updates=updates),
        handle=partial(store, success=posthog_success),
        error_response=posthog_error,
        header_key=Request.key,
        find_key=posthog.find_key,
    )


MIXPANEL: dict[str, Endpoint] = {
    "/track": _shared(updates=False),
    "/engage": _shared(updates=True),
    "/groups": replace(TRACK, parse=partial(parse, hints=mixpanel.Hints(updates=True))),
    "/import": replace(
        TRACK,
        unwrap=unwrap_import,
        parse=parse_import,
        handle=partial(store, success=import_success),
        error_response=import_error,
        methods=("POST", "OPTIONS"),
    ),
}
"""Two of these paths are PostHog's as well."""
