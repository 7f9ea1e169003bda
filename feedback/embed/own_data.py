"""/v1/me: what is kept about the caller, to see and to erase."""

from typing import Any

from analytics.record.visitors import InvalidFieldError, Reply, Visit
from api.cursor import CursorError
from feedback import visitor_data
from feedback.embed.thread_endpoints import signed_in
from feedback.visitor_data import VisitorData

PRIVATE = ((b"cache-control", b"private, no-store"),)


def get_me(visit: Visit, _: None) -> Reply:
    signed_in(visit)
    try:
        data = visitor_data.read(visit.caller, before=visit.query.get("before"))
    except CursorError as error:
        raise InvalidFieldError("before", str(error)) from None
    return Reply(200, _shown(visit, data), PRIVATE)


def delete_me(visit: Visit, _: None) -> Reply:
    """Says what is erased, and what the maker has to erase."""
    signed_in(visit)
    visitor_data.erase(visit.caller)
    erased = ["threads", "pictures", "answers", "email"]
    return Reply(200, {"erased": erased, "kept": ["events", "sessions", "properties"]}, PRIVATE)


def _shown(visit: Visit, data: VisitorData) -> dict[str, Any]:
    answers = [
        {"question": each.text, "answer": each.answer, "text": each.answer_text, "at": each.answered_at}
        for each in data.answers
    ]
    return {
        "user": visit.caller.user if visit.caller.verified else None,
        "email": data.email or None,
        "person": data.person,
        "timeline": data.timeline.entries if data.timeline else [],
        "next": data.timeline.next if data.timeline else None,
        "threads": data.threads,
        "answers": answers,
        "pictures": data.pictures,
    }
