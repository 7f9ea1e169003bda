"""Errors of analytics as responses of the export API."""

from typing import Any

from rest_framework.exceptions import NotFound, Throttled
from rest_framework.response import Response

from analytics.engine import TooHeavyError
from analytics.insights.questions import QueryError
from analytics.lake.object_store import LakeUnreachableError
from analytics.lake.table import LakeError
from analytics.query.admission import BusyError
from analytics.query.persons import PersonNotFoundError
from api.problems import BadParameterError, UnavailableError, UnprocessableError, problem_response


def respond(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    return problem_response(_translated(error), context)


def _translated(error: Exception) -> Exception:
    match error:
        case QueryError():
            return BadParameterError(error.where, error.message)
        case PersonNotFoundError():
            return NotFound(str(error))
        case TooHeavyError():
            return UnprocessableError(f"the question was stopped: {error}")
        case BusyError():
            return Throttled(wait=error.wait, detail=str(error))
        case LakeError() | LakeUnreachableError():
            unavailable = UnavailableError("the lake cannot be read; run `manage.py doctor`")
            # Set by hand, because it is returned and not raised: the log would not say what failed.
            unavailable.__cause__ = error
            return unavailable
    return error
