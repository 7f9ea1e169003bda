"""GET /api/v1/schema (OpenAPI 3.1) and /api/docs/, the same as HTML. Both are generated from the code."""

import functools
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from msgspec import json

from api.describe import ERRORS
from api.problems import bad_parameter


@functools.cache
def schema() -> dict[str, Any]:
    described: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return described


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    if request.GET:
        return bad_parameter(next(iter(request.GET)), "the schema takes no parameters")
    return HttpResponse(json.encode(schema()), content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The HTML reference. Public, because it shows no data."""
    origin = request.build_absolute_uri("/").rstrip("/")
    context = {
        "api": schema(),
        "origin": origin,
        "operations": _operations(),
        "shapes": _shapes(),
        "errors": ERRORS,
    }
    return render(request, "analytics/api_docs.html", context)


def _operations() -> list[dict[str, Any]]:
    return [
        {"method": method.upper(), "path": path, "anchor": _anchor(method, path), **_described(described)}
        for path, methods in schema()["paths"].items()
        for method, described in methods.items()
    ]


def _described(operation: dict[str, Any]) -> dict[str, Any]:
    answers = operation["responses"]["200"]["content"]
    sent = operation.get("requestBody", {}).get("content", {})
    return {
        "summary": operation["summary"],
        "description": _plain(operation["description"]),
        "parameters": [
            {**given, "description": _plain(given.get("description", ""))}
            for given in operation.get("parameters", [])
        ],
        "sent": [_type(body["schema"]) for body in sent.values()],
        "answers": [(media_type, _type(answer["schema"])) for media_type, answer in answers.items()],
    }


def _plain(text: str) -> str:
    return text.replace("`", "")


def _anchor(method: str, path: str) -> str:
    return "-".join(
        [method, *path.translate(str.maketrans("{}", "  ")).replace(" ", "").strip("/").split("/")]
    )


def _shapes() -> list[tuple[str, dict[str, Any]]]:
    shapes = schema()["components"]["schemas"]
    return [
        (name, {"description": _plain(shape.get("description", "")), "fields": _fields(shape)})
        for name, shape in shapes.items()
        if "properties" in shape
    ]


def _fields(shape: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, _type(schema)) for name, schema in shape["properties"].items()]


def _type(schema: dict[str, Any]) -> str:
    """For example "string (uuid)", "integer or null", "list of Event"."""
    if "anyOf" in schema:
        return " or ".join(_type(kind) for kind in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {', '.join(_type(one) for one in schema.get('prefixItems') or [schema.get('items') or {}])}"
    kind = schema.get("title") or schema.get("type", "anything")
    return f"{kind} ({schema['format']})" if "format" in schema else kind
