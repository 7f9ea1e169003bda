"""The paths of ingest and their endpoints: how each body is parsed, and how each response is built."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from analytics.ingest import boot, script_files
from analytics.ingest.accept import MAX_ID, AcceptResult
from analytics.ingest.http import TEXT_TYPE, Request, Response
from analytics.ingest.intake import AdmittedRequest, Endpoint, Intake
from analytics.ingest.postgres import RowRejectedError
from analytics.ingest.wire import posthog, segment, times
from analytics.ingest.wire.event import (
    EXPLANATIONS,
    DropReason,
    Event,
    Payload,
    Rejection,
    RequestRejectedError,
    WarningReason,
)
from analytics.ingest.write_batch import WriteBatch

ANY = ("GET", "HEAD", "POST", "OPTIONS")
LOADED = ("GET", "HEAD", "OPTIONS")


MAX_LISTED = 200
"""Rejected events, and events with warnings, that a response lists. A small body can have thousands of them."""

SUCCESS = Response(200, b'{"success":true}')
BATCHES = ("/v1/batch", "/v1/b")
STATUS_ONE = Response(200, b'{"status":1}')
BEACON = Response(204, b"", ())


async def store(
    intake: Intake,
    request: Request,
    admitted: AdmittedRequest,
    *,
    success: Callable[[Request, AcceptResult], Response],
) -> Response:
    """Store the events, then respond: a 2xx means that they are on disk."""
    result, batch = await intake.process(admitted)
    await put(intake, batch)
    return success(request, result)


async def put(intake: Intake, batch: WriteBatch) -> None:
    """Store a batch. Raises RequestRejectedError and RetryLaterError."""
    try:
        await intake.store(batch)
    except RowRejectedError as error:
        message = f"the database rejected the event: {error}"
        raise RequestRejectedError(message, 400, DropReason.NOT_STORABLE) from error


def segment_success(request: Request, result: AcceptResult) -> Response:
    if (
        not result.events
        and request.path.rstrip("/") not in BATCHES
        and (refused := identity_refusal(result))
    ):
        return segment_error(RequestRejectedError(EXPLANATIONS[refused], 401, refused, where="userId"))
    return (
        Response(200, msgspec.json.encode({"success": True, **issues(result)}))
        if result.has_issues
        else SUCCESS
    )


def identity_refusal(result: AcceptResult) -> DropReason | None:
    """Why the first rejected event was refused, if nothing proved its user id."""
    reason = next((event.reason for _, event in result.rejections), None)
    return reason if reason is not None and reason.startswith("identity_") else None


def issues(result: AcceptResult) -> dict[str, Any]:
    """The `rejected` and `warnings` of a response, of at most MAX_LISTED events each, and how many events have any."""
    found: dict[str, Any] = {}
    if result.rejections:
        listed = result.rejections[:MAX_LISTED]
        found["rejected"] = [_issue(index, event, event.reason) for index, event in listed]
        found["rejected_count"] = len(result.rejections)
    if result.warned:
        listed_events = result.warned[:MAX_LISTED]
        found["warnings"] = [
            _issue(index, event, reason) for index, event in listed_events for reason in event.warnings
        ]
        found["warnings_count"] = len(result.warned)
    return found


def _issue(index: int, event: Event | Rejection, reason: DropReason | WarningReason) -> dict[str, Any]:
    # The id is not checked yet, so it may be as long as the event.
    message_id = event.message_id[:MAX_ID] or None
    return {"index": index, "messageId": message_id, "reason": reason, "message": EXPLANATIONS[reason]}


def segment_error(error: RequestRejectedError) -> Response:
    where = {"where": error.where} if error.where else {}
    body = {"success": False, "code": error.reason, "error": str(error), **where}
    return Response(error.status, msgspec.json.encode(body))


@dataclass(frozen=True, slots=True)
class StaticEndpoint:
    """An endpoint that stores nothing. Its response depends on the request's head alone."""

    respond: Callable[[Request], Response]
    error_response: Callable[[RequestRejectedError], Response] = segment_error
    methods: tuple[str, ...] = ANY
    max_body: int = posthog.MAX_BODY


def posthog_success(request: Request, result: AcceptResult) -> Response:
    """A request without a single valid event is an error, so that its sender notices.

    Otherwise exactly 200: posthog-python takes no other status as success.
    """
    if not result.events and (reason := next((event.reason for _, event in result.rejections), None)):
        status = 413 if reason == DropReason.TOO_LARGE else 401 if identity_refusal(result) else 400
        if reason != DropReason.BOT:
            return Response(status, f"{reason}: {EXPLANATIONS[reason]}".encode(), (TEXT_TYPE,))
    if request.parameter("beacon") == "1":
        return BEACON
    return (
        Response(200, msgspec.json.encode({"status": 1, **issues(result)}))
        if result.has_issues
        else STATUS_ONE
    )


def posthog_error(error: RequestRejectedError) -> Response:
    return Response(error.status, f"{error.reason}: {error}".encode(), (TEXT_TYPE,))


def results_success(request: Request, result: AcceptResult) -> Response:
    """The response of the newest format: a result for each event, by uuid. It never asks for a retry."""
    results: dict[str, dict[str, str]] = {event.message_id: {"result": "ok"} for event in result.events}
    for _, event in result.warned:
        results[event.message_id] = {"result": "warning", "details": EXPLANATIONS[event.warnings[0]]}
    for _, rejection in result.rejections:
        uuid = rejection.message_id[:MAX_ID]
        results[uuid] = {"result": "drop", "details": EXPLANATIONS[rejection.reason]}
    return Response(200, msgspec.json.encode({"results": results}))


def results_error(error: RequestRejectedError) -> Response:
    return Response(error.status, msgspec.json.encode({"error": error.reason, "detail": str(error)}))


def unwrap_segment(request: Request, body: bytes, limit: int) -> bytes:
    return segment.unwrap(body, limit)


def parse_segment(request: Request, body: bytes, *, kind: str) -> Payload:
    return segment.parse(kind, body)


def unwrap_posthog(request: Request, body: bytes, limit: int) -> bytes:
    return posthog.unwrap(body, _hints(request), limit)


def parse_posthog(request: Request, body: bytes, *, engage: bool = False) -> Payload:
    return posthog.parse(body, _hints(request, engage=engage))


def _hints(request: Request, *, engage: bool = False) -> posthog.RequestHints:
    query = request.parameters() if request.query else {}
    # Limited in length below, because int() raises ValueError beyond 4,300 digits.
    clock = query.get("_", "")
    return posthog.RequestHints(
        content_type=request.header(b"content-type"),
        data=query.get("data", ""),
        compression=query.get("compression", ""),
        sent_at=times.parse(int(clock)) if clock.isdecimal() and len(clock) < 16 else None,
        engage=engage,
    )


def parse_results(request: Request, body: bytes) -> Payload:
    # Not the body's created_at: it stays the same when the client retries an hour later.
    sent_at = times.parse(request.header(b"posthog-request-timestamp"))
    return posthog.parse(body, posthog.RequestHints(sent_at=sent_at, key=request.bearer()))


def _segment(kind: str) -> Endpoint:
    parse = partial(parse_segment, kind=kind)
    handle = partial(store, success=segment_success)
    return Endpoint(
        parse,
        handle,
        segment_error,
        segment.MAX_BODY,
        segment.MAX_EVENT,
        unwrap=unwrap_segment,
        find_key=segment.find_key,
    )


def _posthog(*, engage: bool = False) -> Endpoint:
    return Endpoint(
        partial(parse_posthog, engage=engage),
        partial(store, success=posthog_success),
        posthog_error,
        posthog.MAX_BODY,
        posthog.MAX_EVENT,
        methods=("GET", "POST", "OPTIONS"),
        unwrap=unwrap_posthog,
        find_key=posthog.find_key,
    )


ROUTES: dict[str, Endpoint | StaticEndpoint] = {
    **{f"/v1/{kind}": _segment(kind) for kind in segment.KINDS.values()},
    **{f"/v1/{letter}": _segment(kind) for letter, kind in segment.KINDS.items()},
    **{path: _posthog() for path in ("/e", "/i/v0/e", "/i/v0/ai/batch", "/capture", "/track", "/batch")},
    "/engage": _posthog(engage=True),
    "/i/v1/analytics/events": Endpoint(
        parse_results,
        partial(store, success=results_success),
        results_error,
        posthog.MAX_BODY,
        posthog.MAX_EVENT,
        unwrap=unwrap_posthog,
        header_key=Request.authorized_key,
    ),
    **{
        path: StaticEndpoint(boot.discard)
        for path in ("/s", "/i/v0/ai", "/i/v1/logs", "/i/v1/metrics", "/v1/m")
    },
    **{path: StaticEndpoint(boot.nothing) for path in boot.NOTHING},
    "/flags": StaticEndpoint(boot.flags),
    "/decide": StaticEndpoint(boot.decide),
    **{path: StaticEndpoint(script_files.entry, methods=LOADED) for path in script_files.ENTRIES},
}
PATTERNS: tuple[tuple[re.Pattern[str], StaticEndpoint], ...] = (
    (boot.CONFIGURATION, StaticEndpoint(boot.configuration, methods=LOADED)),
    (boot.SETTINGS, StaticEndpoint(boot.settings, methods=LOADED)),
    (script_files.LOADER_ADDRESS, StaticEndpoint(script_files.loader, methods=LOADED)),
    (boot.EXTENSION, StaticEndpoint(boot.extension, methods=LOADED)),
    (script_files.PART_ADDRESS, StaticEndpoint(script_files.part, methods=LOADED)),
)
"""Endpoints of paths that contain a key or a version. The first match counts."""

OWN_PREFIXES = (
    "/v1/", "/fh/", "/static/", "/array/", "/i/", "/e/", "/s/", "/batch/", "/capture/", "/track/", "/engage/",
    "/flags/", "/decide/",
)  # fmt: skip
"""Below these, an unknown path gets a JSON error from ingest and no HTML page from the dashboard."""


def pattern(path: str) -> re.Pattern[str]:
    """A path with {names} as a pattern with groups of these names, with or without a trailing slash."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "/?")


def find(
    routes: Mapping[str, Endpoint | StaticEndpoint],
    path: str,
    patterns: Sequence[tuple[re.Pattern[str], Endpoint | StaticEndpoint]] = PATTERNS,
) -> Endpoint | StaticEndpoint | None:
    """The endpoint of a path, with or without a trailing slash; None if there is none."""
    endpoint = routes.get(path)
    if endpoint is None:
        endpoint = routes.get(path.rstrip("/"))
    if endpoint is None and path.startswith(OWN_PREFIXES):
        return next((found for pattern, found in patterns if pattern.fullmatch(path)), None)
    return endpoint
