"""The OpenAPI schema, generated from the structs of requests and responses."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from msgspec import Struct

from api.problems import MEDIA_TYPE, Problem

REF = "#/components/schemas/{name}"
ERRORS = {
    400: "Invalid parameter or body. `where` names it.",
    401: "Missing, unknown or revoked API key.",
    403: "The key lacks the required scope.",
    404: "Not found in this project.",
    405: "Method not allowed.",
    406: "Format not available.",
    413: "The body is too large.",
    415: "The body must be sent as application/json.",
    422: "The question takes too much time or memory. Ask for less.",
    429: "Rate limit of this key exceeded, or too many exports or questions at once. `Retry-After` gives the seconds.",
    503: "The database or the lake is unavailable. `Retry-After` gives the seconds to wait.",
}

View = TypeVar("View", bound=Callable[..., Any])

_components: dict[str, Any] = {}


class Schema(AutoSchema):
    """Adds the required scope to each operation."""

    def get_description(self) -> str:  # type: ignore[override]
        scope = getattr(self.view, "scope", None)
        return f"{super().get_description()}\n\nScope: `{scope}`."


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The API key as a security scheme."""

    target_class = "api.auth.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API key (fhk_...) of one project."}


def operation(
    summary: str,
    *,
    answer: Any,
    parameters: type[Struct] | None = None,
    row: type[Struct] | None = None,
    body: Any = None,
    extra: type[Struct] | None = None,
) -> Callable[[View], View]:
    """Decorator that describes a view's method.

    answer  the JSON response: a type, or a tuple of alternatives
    row     one row of its NDJSON and CSV streams, if it has any
    body    the request body: a tuple of alternatives
    extra   fields that the request body has besides those of `body`
    """
    responses: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(_reference(answer))}
    if row is not None:
        responses[200, "application/x-ndjson"] = OpenApiResponse(
            _reference(row), description="One row per line."
        )
        responses[200, "text/csv"] = OpenApiResponse(
            {"type": "string"}, description="A header, then one row per line."
        )
    for status, meaning in ERRORS.items():
        responses[status, MEDIA_TYPE] = OpenApiResponse(_reference(Problem), description=meaning)
    return extend_schema(
        operation_id=summary.lower().replace("'", "").replace(" ", "_"),
        summary=summary,
        parameters=_parameters(parameters) if parameters else [],
        request={"application/json": _body(body, extra)} if body else None,
        responses=responses,
    )


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular: adds the schemas that references point to."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    # Sorted: the order of imports must not change the schema.
    schemas.update(sorted(_components.items()))
    return result


def _body(kinds: Any, extra: type[Struct] | None) -> dict[str, Any]:
    if extra is None:
        return _reference(kinds)
    # Not allOf: both schemas forbid additional properties, so together they would allow no body at all.
    return {"anyOf": [_merged(kind, extra) for kind in kinds]}


def _merged(kind: type[Struct], extra: type[Struct]) -> dict[str, Any]:
    schemas = [_components[_name(_reference(part))] for part in (kind, extra)]
    properties = schemas[0]["properties"] | schemas[1]["properties"]
    required = [*schemas[0].get("required", []), *schemas[1].get("required", [])]
    title = f"{kind.__name__} with {', '.join(extra.__struct_fields__)}"
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"].rsplit("/", 1)[1])


def _reference(kind: Any) -> dict[str, Any]:
    if isinstance(kind, tuple):
        return {"anyOf": [_reference(one) for one in kind]}
    [schema], components = msgspec.json.schema_components([kind], ref_template=REF)
    _components.update(components)
    return schema


def _parameters(kind: type[Struct]) -> list[OpenApiParameter]:
    reference, components = msgspec.json.schema_components([kind], ref_template=REF)
    described = components[_name(reference[0])]["properties"]
    return [_parameter(name, dict(schema)) for name, schema in described.items()]


def _parameter(name: str, schema: dict[str, Any]) -> OpenApiParameter:
    # A query string cannot express null: a parameter is optional instead of nullable.
    if schema.get("default", ...) is None:
        del schema["default"]
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    for kind in kinds:
        schema |= kind
    return OpenApiParameter(name, schema, description=schema.pop("description", ""))
