"""The subset of HTTP that ingest needs, over ASGI: requests with bounded bodies, responses and CORS."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from analytics.ingest.wire.encoding import decode_content, too_large
from analytics.ingest.wire.event import RequestRejectedError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

BODY_SECONDS = 20.0
JSON_TYPE = (b"content-type", b"application/json")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")
EXPOSE_RETRY_AFTER = (b"access-control-expose-headers", b"retry-after")
# The origin is echoed, because browsers accept no `*` for requests with credentials, which some clients send.
CORS_HEADERS = ((b"access-control-allow-credentials", b"true"), (b"vary", b"origin"))


class Response(NamedTuple):
    """A status, a body, and headers without Content-Length."""

    status: int
    body: bytes
    headers: Headers = (JSON_TYPE,)


class Request:
    """A request without its body. Header names are lower case."""

    __slots__ = ("headers", "method", "path", "peer", "query", "respond_as", "scheme")

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.scheme: str = scope.get("scheme", "http")
        self.query: bytes = scope.get("query_string", b"")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.peer: str = (scope.get("client") or ("",))[0]
        self.respond_as: Any = None
        """The endpoint that the body's shape chose, on a path that several formats share."""

    def header(self, name: bytes) -> str:
        # latin-1 decodes any byte, so no header can raise.
        return self.headers.get(name, b"").decode("latin-1")

    def parameter(self, name: str) -> str:
        return self.parameters().get(name, "") if self.query else ""

    def parameters(self) -> dict[str, str]:
        try:
            pairs = parse_qs(self.query.decode("latin-1"), max_num_fields=100)
        except ValueError:
            raise RequestRejectedError("the query has too many parameters") from None
        return {name: values[0] for name, values in pairs.items()}

    def bearer(self) -> str:
        authorization = self.header(b"authorization")
        return authorization[7:].strip() if authorization[:7].lower() == "bearer " else ""

    def basic_user(self) -> str:
        """The user name of Basic authentication, where Segment's clients put the write key."""
        authorization = self.headers.get(b"authorization")
        return _basic_user(authorization) if authorization else ""


@lru_cache(maxsize=4096)
def _basic_user(authorization: bytes) -> str:
    if authorization[:6].lower() != b"basic ":
        return ""
    try:
        return base64.b64decode(authorization[6:]).split(b":")[0].decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def read_body(request: Request, receive: Receive, limit: int) -> bytes:
    """Read the body and undo its Content-Encoding.

    Raises RequestRejectedError: 413 beyond `limit` bytes, 408 after BODY_SECONDS, 400 and 415 for its encoding.
    """
    announced = request.headers.get(b"content-length", b"")
    # Five digits are below every limit, so small bodies skip the parsing.
    if len(announced) > 5 and announced.isdigit() and int(announced) > limit:
        raise too_large(limit)
    message = await receive()
    # The server cannot know that the first chunk is the last, and another receive() costs a task switch.
    if message.get("more_body") and announced != b"%d" % len(message.get("body", b"")):
        body = await _read_rest(message, receive, limit)
    else:
        body = message.get("body", b"")
        _check_chunk(message, len(body), limit)
    encodings = request.headers.get(b"content-encoding")
    return decode_content(body, encodings.decode("latin-1"), limit) if encodings else body


async def _read_rest(message: Message, receive: Receive, limit: int) -> bytes:
    body = bytearray(message.get("body", b""))
    try:
        # One limit for all chunks: a client that sends a byte a second would pass a limit per chunk.
        async with asyncio.timeout(BODY_SECONDS):
            while message.get("more_body"):
                message = await receive()
                body += message.get("body", b"")
                _check_chunk(message, len(body), limit)
    except TimeoutError:
        raise RequestRejectedError(f"the body did not arrive within {BODY_SECONDS:.0f} s", 408) from None
    return bytes(body)


def _check_chunk(message: Message, size: int, limit: int) -> None:
    if message["type"] == "http.disconnect":
        raise RequestRejectedError("the connection closed before the end of the body")
    if size > limit:
        raise too_large(limit)


def with_retry_after(response: Response, seconds: int) -> Response:
    """Add Retry-After, readable by pages of other origins; unchanged for 0 seconds."""
    if not seconds:
        return response
    return response._replace(
        headers=(*response.headers, (b"retry-after", b"%d" % seconds), EXPOSE_RETRY_AFTER)
    )


def service_unavailable(message: str, seconds: int) -> Response:
    # Mixpanel's and Amplitude's clients read `status` and `code`, and fail without them.
    body = {"success": False, "status": 0, "code": 503, "error": message}
    return with_retry_after(Response(503, msgspec.json.encode(body)), seconds)


async def send(response: Response, request: Request, channel: Send) -> None:
    headers = [*response.headers, (b"content-length", b"%d" % len(response.body))]
    # Any origin may read the response: it holds none of the project's data.
    if (origin := request.headers.get(b"origin")) is not None:
        headers += [(b"access-control-allow-origin", origin), *CORS_HEADERS]
    await channel({"type": "http.response.start", "status": response.status, "headers": headers})
    await channel({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})


def method_not_allowed(methods: tuple[str, ...]) -> Response:
    allowed = ", ".join(methods).encode()
    return Response(
        405,
        b'{"success":false,"error":"method not allowed; use %b"}' % allowed,
        (JSON_TYPE, (b"allow", allowed)),
    )


def preflight(request: Request, methods: tuple[str, ...]) -> Response:
    """The response to OPTIONS: allow all requested headers, for a day."""
    requested = request.headers.get(b"access-control-request-headers", b"content-type, authorization")
    return Response(
        204,
        b"",
        (
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", requested),
            (b"access-control-max-age", b"86400"),
        ),
    )
