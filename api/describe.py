"""The OpenAPI description, derived from the structs that requests are read into and answers are made of."""

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
    400: "A parameter or the body cannot be used; `where` says which.",
    401: "No API key, or none that lives.",
    403: "The key lacks the scope.",
    404: "There is no such thing in this project.",
    405: "Not with this method.",
    406: "Not in this format.",
    413: "The body is too large.",
    415: "The body must be sent as application/json.",
    429: "Too many requests with this key; `Retry-After` says when to go on.",
    503: "The database or the lake cannot be reached; `Retry-After` says when to try again.",
}

View = TypeVar("View", bound=Callable[..., Any])

_components: dict[str, Any] = {}


class Schema(AutoSchema):
    """Says of each address which scope a key needs for it."""

    def get_description(self) -> str:  # type: ignore[override]
        scope = getattr(self.view, "scope", None)
        return f"{super().get_description()}\n\nScope: `{scope}`."


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How spectacular is to describe the API key."""

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
    beside: type[Struct] | None = None,
) -> Callable[[View], View]:
    """Describes a view's method.

    answer        its JSON: a type, or several of which it is one
    row           one line of its streams, where there are streams
    body, beside  what is sent: one of these types, and with it the fields of this one
    """
    responses: dict[Any, Any] = {(200, "application/json"): OpenApiResponse(_reference(answer))}
    if row is not None:
        responses[200, "application/x-ndjson"] = OpenApiResponse(
            _reference(row), description="One row a line."
        )
        responses[200, "text/csv"] = OpenApiResponse(
            {"type": "string"}, description="A header, then one row a line."
        )
    for status, meaning in ERRORS.items():
        responses[status, MEDIA_TYPE] = OpenApiResponse(_reference(Problem), description=meaning)
    return extend_schema(
        operation_id=summary.lower().replace("'", "").replace(" ", "_"),
        summary=summary,
        parameters=_parameters(parameters) if parameters else [],
        request={"application/json": _body(body, beside)} if body else None,
        responses=responses,
    )


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Spectacular's last step: put in the schemas that the references point to."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(sorted(_components.items()))
    return result


def _body(kinds: Any, beside: type[Struct] | None) -> dict[str, Any]:
    """Both say that they know no other fields, which together would allow none: so the fields are put together."""
    if beside is None:
        return _reference(kinds)
    merged = [_merged(kind, beside) for kind in kinds]
    return {"anyOf": merged}


def _merged(kind: type[Struct], beside: type[Struct]) -> dict[str, Any]:
    schemas = [_components[_name(_reference(part))] for part in (kind, beside)]
    properties = schemas[0]["properties"] | schemas[1]["properties"]
    required = [*schemas[0].get("required", []), *schemas[1].get("required", [])]
    title = f"{kind.__name__} with {', '.join(beside.__struct_fields__)}"
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
    """Left out is not null: a query has no way to say null."""
    if schema.get("default", ...) is None:
        del schema["default"]
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    for kind in kinds:
        schema |= kind
    return OpenApiParameter(name, schema, description=schema.pop("description", ""))
