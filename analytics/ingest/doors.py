"""The paths of ingest and what stands behind each: how its body is read, and how it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from analytics.ingest import boot
from analytics.ingest.accept import Accepted
from analytics.ingest.http import TEXT_TYPE, Answer, Request
from analytics.ingest.intake import Admitted, Door, Intake
from analytics.ingest.postgres import NotTaken
from analytics.ingest.wire import posthog, segment, times
from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Event, Note, Parcel, Refused, Unreadable

ANY = ("GET", "HEAD", "POST", "OPTIONS")


SUCCESS = Answer(200, b'{"success":true}')
STATUS_ONE = Answer(200, b'{"status":1}')
BEACON = Answer(204, b"", ())


async def store(
    intake: Intake, request: Request, admitted: Admitted, *, accepted: Callable[[Request, Accepted], Answer]
) -> Answer:
    """Events are on disk before anybody is answered."""
    taken, shipment = await intake.judge(admitted)
    try:
        await intake.put(shipment)
    except NotTaken as error:
        told = f"the database does not take it: {error}"
        raise Unreadable(told, 400, DropReason.NOT_STORABLE) from error
    return accepted(request, taken)


def segment_accepted(request: Request, taken: Accepted) -> Answer:
    return Answer(200, msgspec.json.encode({"success": True, **told(taken)})) if taken.remarkable else SUCCESS


def told(taken: Accepted) -> dict[str, Any]:
    """What was refused and what was mended, each by its index in the batch."""
    rejected = [_told(index, event, event.reason) for index, event in taken.refused]
    warnings = [_told(index, event, note) for index, event in taken.noted for note in event.notes]
    return {**({"rejected": rejected} if rejected else {}), **({"warnings": warnings} if warnings else {})}


def _told(index: int, event: Event | Refused, reason: DropReason | Note) -> dict[str, Any]:
    explained = EXPLANATIONS[reason]
    return {"index": index, "messageId": event.message_id or None, "reason": reason, "message": explained}


def segment_refused(error: Unreadable) -> Answer:
    where = {"where": error.where} if error.where else {}
    said = {"success": False, "code": error.reason, "error": str(error), **where}
    return Answer(error.status, msgspec.json.encode(said))


@dataclass(frozen=True, slots=True)
class Desk:
    """One path that takes nothing and answers what a client asks when it starts."""

    answer: Callable[[Request], Answer]
    refused: Callable[[Unreadable], Answer] = segment_refused
    methods: tuple[str, ...] = ANY
    max_body: int = posthog.MAX_BODY


def posthog_accepted(request: Request, taken: Accepted) -> Answer:
    """A request in which nothing could be taken is an error, so that somebody notices; else 200 exactly."""
    if not taken.events and (reason := next((event.reason for _, event in taken.refused), None)):
        status = 413 if reason == DropReason.TOO_LARGE else 400
        if reason != DropReason.BOT:
            return Answer(status, f"{reason}: {EXPLANATIONS[reason]}".encode(), (TEXT_TYPE,))
    if request.parameter("beacon") == "1":
        return BEACON
    return Answer(200, msgspec.json.encode({"status": 1, **told(taken)})) if taken.remarkable else STATUS_ONE


def posthog_refused(error: Unreadable) -> Answer:
    return Answer(error.status, f"{error.reason}: {error}".encode(), (TEXT_TYPE,))


def results_accepted(request: Request, taken: Accepted) -> Answer:
    """The newest format: a result for each event, by its uuid. Nothing is to be sent again."""
    results: dict[str, dict[str, str]] = {event.message_id: {"result": "ok"} for event in taken.events}
    for _, event in taken.noted:
        results[event.message_id] = {"result": "warning", "details": EXPLANATIONS[event.notes[0]]}
    for _, refused in taken.refused:
        results[refused.message_id] = {"result": "drop", "details": EXPLANATIONS[refused.reason]}
    return Answer(200, msgspec.json.encode({"results": results}))


def results_refused(error: Unreadable) -> Answer:
    return Answer(error.status, msgspec.json.encode({"error": error.reason, "detail": str(error)}))


def parse_segment(request: Request, body: bytes, *, kind: str) -> Parcel:
    return segment.parse(kind, body)


def parse_posthog(request: Request, body: bytes, *, engage: bool = False) -> Parcel:
    said = request.parameters() if request.query else {}
    clock = said.get("_", "")
    return posthog.parse(
        body,
        posthog.Head(
            content_type=request.header(b"content-type"),
            data=said.get("data", ""),
            compression=said.get("compression", ""),
            sent_at=times.read(int(clock)) if clock.isdecimal() and len(clock) < 16 else None,
            engage=engage,
        ),
    )


def parse_results(request: Request, body: bytes) -> Parcel:
    """The clock is that of the request: `created_at` stays the same when a client sends again an hour later."""
    sent_at = times.read(request.header(b"posthog-request-timestamp"))
    return posthog.parse(body, posthog.Head(sent_at=sent_at, key=request.bearer()))


def _segment(kind: str) -> Door:
    parse = partial(parse_segment, kind=kind)
    take = partial(store, accepted=segment_accepted)
    return Door(parse, take, segment_refused, segment.MAX_BODY, segment.MAX_EVENT)


def _posthog(*, engage: bool = False) -> Door:
    return Door(
        partial(parse_posthog, engage=engage),
        partial(store, accepted=posthog_accepted),
        posthog_refused,
        posthog.MAX_BODY,
        posthog.MAX_EVENT,
        methods=("GET", "POST", "OPTIONS"),
    )


DOORS: dict[str, Door | Desk] = {
    **{f"/v1/{kind}": _segment(kind) for kind in segment.KINDS.values()},
    **{f"/v1/{letter}": _segment(kind) for letter, kind in segment.KINDS.items()},
    **{path: _posthog() for path in ("/e", "/i/v0/e", "/capture", "/track", "/batch")},
    "/engage": _posthog(engage=True),
    "/i/v1/analytics/events": Door(
        parse_results,
        partial(store, accepted=results_accepted),
        results_refused,
        posthog.MAX_BODY,
        posthog.MAX_EVENT,
    ),
    "/s": Desk(boot.discarded),
    "/flags": Desk(boot.flags),
    "/decide": Desk(boot.decide),
}
CONFIGURATION = Desk(boot.configuration, methods=("GET", "HEAD", "OPTIONS"))


def find(doors: Mapping[str, Door | Desk], path: str) -> Door | Desk | None:
    """What stands behind a path, with or without a slash at its end; None where it is not ours."""
    door = doors.get(path)
    if door is None:
        door = doors.get(path.rstrip("/"))
    return CONFIGURATION if door is None and boot.CONFIGURATION.fullmatch(path) else door
