"""POST /api/v1/insights/{kind} and /api/v1/insights/{kind}/people."""

from typing import Annotated, Any

from django.http import HttpResponse
from msgspec import Meta, Struct, json
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics.insights.questions import Question
from analytics.insights.registry import KINDS
from analytics.query import answers, members
from analytics.query.members import PeoplePage
from api import describe, parameters
from api.auth import project_of
from api.problems import BadParameterError

QUESTIONS = tuple(kind.question for kind in KINDS.values())
ANSWERS = tuple(kind.answer for kind in KINDS.values())


class Figure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields besides the question: which figure of the answer, and which page of its people."""

    point: dict[str, Any]
    limit: parameters.Limit = 100
    after: Annotated[str | None, Meta(description="The `next` of the page before.")] = None


class Insight(APIView):
    """The answer to a question, exactly as the dashboard shows it at the same data version."""

    scope = "insights:read"

    @describe.operation("An insight", body=QUESTIONS, answer=ANSWERS)
    def post(self, request: Request, kind: str) -> HttpResponse:
        parameters.read(request, parameters.Nothing)
        answer = answers.answer(project_of(request), _question(kind, _body(request)))
        return HttpResponse(json.encode(answers.to_json(answer)), content_type="application/json")


class InsightPeople(APIView):
    """The people behind one figure; `count` equals the figure. The body is the question plus `point`."""

    scope = "insights:read"

    @describe.operation("The people behind a figure", body=QUESTIONS, extra=Figure, answer=PeoplePage)
    def post(self, request: Request, kind: str) -> HttpResponse:
        parameters.read(request, parameters.Nothing)
        body = _body(request)
        figure = {name: body.pop(name) for name in Figure.__struct_fields__ if name in body}
        asked = parameters.convert(figure, Figure)
        question = _question(kind, body)
        page = members.people(
            project_of(request), question, asked.point, limit=asked.limit, after=asked.after
        )
        return HttpResponse(json.encode(page), content_type="application/json")


def _body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise BadParameterError("", "the body must be a JSON object, sent as application/json")
    # A copy: the endpoint takes the figure's fields out of it.
    return dict(request.data)


def _question(kind: str, body: dict[str, Any]) -> Question:
    if kind not in KINDS:
        raise NotFound(f"there is no insight {kind!r}; choose one of {', '.join(KINDS)}")
    return answers.parse(kind, body)
