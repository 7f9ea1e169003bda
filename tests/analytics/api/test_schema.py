"""GET /api/v1/schema, and whether the API keeps what it says there."""

import functools
from typing import Any, cast

import httpx
import pytest
import schemathesis
from asgiref.sync import async_to_sync
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis import checks

from analytics.api.urls import urlpatterns
from api.reference import schema
from config.asgi import django
from tests.examples import examples
from tests.journey import Journey
from tests.people import assemble

described = schemathesis.openapi.from_dict(schema())
# Hundreds of requests for each address: too slow for every run.
described.config.phases.coverage.enabled = settings.get_current_profile_name() == "fuzz"
KEPT = [
    checks.not_a_server_error,
    checks.CHECKS.get_one("status_code_conformance"),
    checks.CHECKS.get_one("content_type_conformance"),
    checks.CHECKS.get_one("response_schema_conformance"),
]


@functools.cache
def key() -> str:
    team = assemble()
    Journey(team).page("laptop", "/", known=False, session="s").identify("ana", device="laptop").through()
    return team.api_key


def call(case: schemathesis.Case[Any]) -> httpx.Response:
    request: dict[str, Any] = case.as_transport_kwargs(base_url="http://api.local")
    del request["cookies"]
    if isinstance(request.get("data"), bytes | str):
        request["content"] = request.pop("data")
    request["headers"] = {**(request.pop("headers", None) or {}), "Authorization": f"Bearer {key()}"}
    return async_to_sync(_send)({name: value for name, value in request.items() if value is not None})


async def _send(request: dict[str, Any]) -> httpx.Response:
    transport = httpx.ASGITransport(cast("Any", django))
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.request(**request)


@described.parametrize()
@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_schema_says(case: schemathesis.Case[Any]) -> None:
    case.validate_response(call(case), checks=KEPT)  # type: ignore[arg-type] # get_one() also returns classes of checks


def test_it_is_openapi_3_1_and_needs_no_key() -> None:
    answer = Client().get("/api/v1/schema")
    assert answer.status_code == 200
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"


def test_every_address_is_described() -> None:
    routes = {
        str(pattern.pattern).replace("<int:", "{").replace("<str:", "{").replace(">", "}")
        for pattern in urlpatterns
    }
    paths = {path.removeprefix("/api/v1/") for path in schema()["paths"]}
    assert routes - {"schema"} <= paths


@pytest.mark.parametrize(
    "said", ["/api/v1/people/{person_id}/timeline", "PersonDetail", "X-Next-Cursor", "person_id"]
)
def test_the_reference_page_says_the_same_to_people(said: str) -> None:
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    assert said in page.content.decode()
