"""The paths of ingest and what stands behind each: how its body is read, and how it is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from analytics.ingest.accept import Accepted
from analytics.ingest.http import Answer, Request
from analytics.ingest.wire import segment
from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Event, Note, Parcel, Refused, Unreadable


@dataclass(frozen=True, slots=True)
class Door:
    """One path: `parse` raises Unreadable; limits are in bytes, inflated."""

    parse: Callable[[Request, bytes], Parcel]
    accepted: Callable[[Accepted], Answer]
    refused: Callable[[Unreadable], Answer]
    max_body: int
    max_event: int


SUCCESS = Answer(200, b'{"success":true}')


def segment_accepted(taken: Accepted) -> Answer:
    if not taken.refused and not taken.noted:
        return SUCCESS
    said: dict[str, Any] = {"success": True}
    if taken.refused:
        said["rejected"] = [_told(index, event, event.reason) for index, event in taken.refused]
    if taken.noted:
        said["warnings"] = [_told(index, event, note) for index, event in taken.noted for note in event.notes]
    return Answer(200, msgspec.json.encode(said))


def _told(index: int, event: Event | Refused, reason: DropReason | Note) -> dict[str, Any]:
    explained = EXPLANATIONS[reason]
    return {"index": index, "messageId": event.message_id or None, "reason": reason, "message": explained}


def segment_refused(error: Unreadable) -> Answer:
    return Answer(error.status, msgspec.json.encode({"success": False, "error": str(error)}))


def segment_door(kind: str) -> Door:
    def parse(request: Request, body: bytes) -> Parcel:
        return segment.parse(kind, body)

    return Door(parse, segment_accepted, segment_refused, segment.MAX_BODY, segment.MAX_EVENT)


DOORS: dict[str, Door] = {}
for letter, kind in segment.KINDS.items():
    DOORS[f"/v1/{letter}"] = DOORS[f"/v1/{kind}"] = segment_door(kind)
