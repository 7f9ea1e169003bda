"""Below /v1/prompts: the question to ask this person now, and their answer."""

import msgspec
from msgspec import Struct

from analytics.record.visitors import InvalidFieldError, Reply, Visit, VisitorError
from feedback import prompts
from feedback.embed.thread_endpoints import signed_in
from feedback.models import TEXT_LIMIT, Prompt
from feedback.prompts import PromptError


class AnswerBody(Struct):
    """A choice, a text, or both."""

    answer: str | None = None
    text: str | None = None


def read_answer(body: bytes) -> AnswerBody:
    """Raises InvalidFieldError and msgspec.ValidationError."""
    given = msgspec.json.decode(body, type=AnswerBody)
    answer, text = given.answer or "", given.text or ""
    if not answer.strip() and not text.strip():
        raise InvalidFieldError("answer", "empty; send an answer, a text, or both")
    for name, value in (("answer", answer), ("text", text)):
        if len(value) > TEXT_LIMIT:
            raise InvalidFieldError(name, f"{len(value):,} characters; it may have {TEXT_LIMIT:,}")
    return given


def read_nothing(body: bytes) -> None:
    """The body says only who is speaking."""


def get_prompt(visit: Visit, _: None) -> Reply:
    signed_in(visit)
    prompt = prompts.next_prompt(visit.caller)
    shown = prompt and {"id": prompt.pk, "text": prompt.text, "choices": prompt.choices}
    return Reply(200, {"prompt": shown}, ((b"cache-control", b"private, no-store"),))


def post_answer(visit: Visit, given: AnswerBody) -> Reply:
    signed_in(visit)
    try:
        prompts.answer(
            visit.caller, _number(visit), visit.event, answer=given.answer or "", text=given.text or ""
        )
    except PromptError as error:
        raise VisitorError(409, "conflict", str(error)) from None
    except Prompt.DoesNotExist:
        raise _not_found() from None
    return Reply(200, {"success": True})


def post_dismiss(visit: Visit, _: None) -> Reply:
    signed_in(visit)
    try:
        prompts.dismiss(visit.caller, _number(visit))
    except Prompt.DoesNotExist:
        raise _not_found() from None
    return Reply(200, {"success": True})


def _number(visit: Visit) -> int:
    found = visit.names["prompt"]
    # int() reads digits of all scripts, and bigint has 19.
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise _not_found()
    return int(found)


def _not_found() -> VisitorError:
    return VisitorError(404, "not_found", "nobody asked you this question")
