"""Amplitude's paths: how their bodies are parsed, and the responses that its clients expect."""

import time
from functools import partial
from typing import Any

import msgspec

from analytics.ingest import routes
from analytics.ingest.accept import AcceptResult
from analytics.ingest.http import Request, Response
from analytics.ingest.intake import AdmittedRequest, Endpoint, Intake
from analytics.ingest.routes import (
    StaticEndpoint,
    issues,
    parse_posthog,
    posthog_error,
    posthog_success,
    unwrap_posthog,
)
from analytics.ingest.wire import amplitude, posthog
from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Payload, RequestRejectedError

MISSING = {DropReason.NO_NAME: "event_type", DropReason.NO_ID: "user_id"}
INVALID = {DropReason.RESERVED_NAME: "event_type", DropReason.UNSUPPORTED_UPDATE: "user_properties"}
# An invalid key is the only error after which the clients do not send the same again.
KEY_STATUSES = (401, 403)


async def store(intake: Intake, request: Request, admitted: AdmittedRequest) -> Response:
    """Store the events, or none of them if one is rejected: the clients then send the others again."""
    result, batch = await intake.process(admitted, atomic=True)
    await routes.put(intake, batch)
    faulty = [each for each in result.rejections if each[1].reason != DropReason.BOT]
    return _rejected(result) if faulty else _ingested(result, admitted.size)


def _ingested(result: AcceptResult, size: int) -> Response:
    body: dict[str, Any] = {
        "code": 200,
        "events_ingested": len(result.events),
        "payload_size_bytes": size,
        "server_upload_time": time.time_ns() // 1_000_000,
    }
    return Response(200, msgspec.json.encode(body | issues(result)))


def _rejected(result: AcceptResult) -> Response:
    fields: dict[str, dict[str, list[int]]] = {"missing": {}, "invalid": {}}
    for index, event in result.rejections:
        kind = "missing" if event.reason in MISSING else "invalid"
        name = MISSING.get(event.reason) or INVALID.get(event.reason, "event_properties")
        fields[kind].setdefault(name, []).append(index)
    reason = result.rejections[0][1].reason
    body = {
        "code": 400,
        "error": f"{reason}: {EXPLANATIONS[reason]}",
        "events_with_missing_fields": fields["missing"],
        "events_with_invalid_fields": fields["invalid"],
    }
    return Response(400, msgspec.json.encode(body | issues(result)))


def error_response(error: RequestRejectedError) -> Response:
    status = 400 if error.status in KEY_STATUSES else error.status
    message = f"Invalid API key: {error}" if error.status in KEY_STATUSES else f"{error.reason}: {error}"
    body: dict[str, Any] = {"code": status, "error": message}
    if error.where:
        body["missing_field"] = error.where
    if error.events:
        # Without it, the clients retry at once, a dozen times, and then give up.
        body["throttled_events"] = list(range(error.events))
    return Response(status, msgspec.json.encode(body))


def parse(request: Request, body: bytes) -> Payload:
    return amplitude.parse(body)


def unwrap_batch(request: Request, body: bytes, limit: int) -> bytes:
    """The JSON of a body of /batch, which may be PostHog's."""
    text = unwrap_posthog(request, body, limit)
    # Chosen here, because the key may be refused before the body is parsed.
    if amplitude.matches(text):
        request.respond_as = HTTP_API
    return text


def parse_batch(request: Request, body: bytes) -> Payload:
    return amplitude.parse(body) if request.respond_as is HTTP_API else parse_posthog(request, body)


def unsupported(request: Request) -> Response:
    message = (
        f"{request.path} is not supported; send $identify and $groupidentify events to /2/httpapi or /batch"
    )
    return Response(404, msgspec.json.encode({"code": 404, "error": message}))


HTTP_API = Endpoint(
    parse, store, error_response, posthog.MAX_BODY, posthog.MAX_EVENT, find_key=posthog.find_key
)
UNSUPPORTED = StaticEndpoint(unsupported)

AMPLITUDE: dict[str, Endpoint | StaticEndpoint] = {
    "/2/httpapi": HTTP_API,
    "/batch": Endpoint(
        parse_batch,
        partial(routes.store, success=posthog_success),
        posthog_error,
        posthog.MAX_BODY,
        posthog.MAX_EVENT,
        methods=("GET", "POST", "OPTIONS"),
        unwrap=unwrap_batch,
        find_key=posthog.find_key,
    ),
    **dict.fromkeys(("/identify", "/groupidentify", "/httpapi", "/2/profile", "/usermap"), UNSUPPORTED),
}
"""One of these paths is PostHog's as well."""
