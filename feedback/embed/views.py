"""The visitors' door: cross-origin, a write key, never a session or a cookie."""

import datetime as dt
from typing import Any

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from ua_parser import parse

from feedback.comments import LeftComment, leave_comment
from feedback.embed import body, wire
from feedback.embed.clock import moment
from feedback.embed.door import project_for
from feedback.embed.refusal import Refusal

RETRY_AFTER = "5"
USER_AGENT_LIMIT = 1_000
ALLOWED_HEADERS = "Authorization, Content-Type, Content-Encoding"


@csrf_exempt
def comments(request: HttpRequest) -> HttpResponse:
    """POST /v1/comments: 201 when the comment is kept, 200 when it had been kept before, with its id and receipt."""
    if request.method == "OPTIONS":
        return _open_to(request, HttpResponse(status=204))
    try:
        answer = _answer(request)
    except Refusal as refusal:
        answer = _refused(refusal)
    except (OperationalError, InterfaceError):
        answer = _refused(
            Refusal(503, "the comment could not be kept just now; send it again, with the same messageId")
        )
        answer["Retry-After"] = RETRY_AFTER
    return _open_to(request, answer)


@csrf_exempt
def nothing(request: HttpRequest) -> HttpResponse:
    """Every other address below /v1/: who sends there is a program, which reads JSON and no page."""
    return _open_to(request, _refused(Refusal(404, f"nothing is served at {request.path}; see docs/api.md")))


def _answer(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        raise Refusal(405, f"{request.method} is not possible here; POST a comment")
    given = wire.decode(body.read(request))
    project = project_for(request, given.write_key)
    context = given.context or wire.Context()
    speaker, when = wire.speaker(given), moment(given.timestamp, given.sent_at, now=dt.datetime.now(dt.UTC))
    left = leave_comment(
        project,
        message_id=wire.message_id(given, project.pk),
        distinct_id=speaker.distinct_id,
        user_known=speaker.user_known,
        reaction=wire.reaction(given),
        text=wire.text(given),
        created_at=when.at,
        url=wire.url(context),
        session=wire.session(context),
        context=_kept_context(context, context.user_agent or request.headers.get("User-Agent", "")),
    )
    return _kept(left, [warning for warning in (speaker.warning, when.warning) if warning])


def _kept_context(context: wire.Context, user_agent: str) -> dict[str, Any]:
    """Of the user agent only its families are kept, as for events."""
    page, agent = context.page or wire.Page(), parse(user_agent[:USER_AGENT_LIMIT])
    facts = {
        "title": page.title,
        "referrer": page.referrer,
        "locale": context.locale,
        "timezone": context.timezone,
        "browser": agent.user_agent and agent.user_agent.family,
        "os": agent.os and agent.os.family,
        "device": agent.device and agent.device.family,
    }
    return {name: fact[: wire.FACT_LIMIT] for name, fact in facts.items() if fact}


def _kept(left: LeftComment, warnings: list[str]) -> HttpResponse:
    answer: dict[str, Any] = {"id": str(left.comment.message_id), "receipt": left.comment.receipt}
    return _json(answer | ({"warnings": warnings} if warnings else {}), 201 if left.is_new else 200)


def _refused(refusal: Refusal) -> HttpResponse:
    where = {"where": refusal.where} if refusal.where else {}
    response = _json({"success": False, "error": refusal.message, **where}, refusal.status)
    if refusal.status == 401:
        response["WWW-Authenticate"] = 'Basic realm="write key"'
    if refusal.status == 405:
        response["Allow"] = "POST, OPTIONS"
    return response


def _json(value: dict[str, Any], status: int) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(value), content_type="application/json", status=status)


def _open_to(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Any page may read the answer: what lets a page in is its key, and the project's allowed origins."""
    response["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
    response["Access-Control-Max-Age"] = "86400"
    response["Vary"] = "Origin"
    response["Cache-Control"] = "no-store"
    return response
