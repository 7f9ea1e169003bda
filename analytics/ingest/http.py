"""The subset of HTTP that ingest needs, over ASGI: requests with bounded bodies, responses and CORS."""

import base64
import binascii
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from analytics.ingest.body_timer import BodyTimer
from analytics.ingest.spool import RetryLaterError
from analytics.ingest.wire.encoding import too_large
from analytics.ingest.wire.event import RequestRejectedError

if TYPE_CHECKING:
    from analytics.ingest.large_bodies import Hold

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

API_KEY_PREFIX = "fhk_"
BODY_SECONDS = 20.0
"""Seconds that the body of a request may take, its first byte included."""

LARGE = 256 * 1024
"""Bytes of a body. Larger ones are parsed in a thread, so that one of them does not delay many small ones."""

MAX_CACHED_HEADER = 1000
JSON_TYPE = (b"content-type", b"application/json")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")
EXPOSE_RETRY_AFTER = (b"access-control-expose-headers", b"retry-after")
EXPOSE_ETAG = (b"access-control-expose-headers", b"etag")
# The origin is echoed, because browsers accept no `*` for requests with credentials, which some clients send.
CORS_HEADERS = ((b"access-control-allow-credentials", b"true"), (b"vary", b"origin"))


class Response(NamedTuple):
    """A status, a body, and headers without Content-Length."""

    status: int
    body: bytes
    headers: Headers = (JSON_TYPE,)


class Request:
    """A request without its body. Header names are lower case. `hold` is what it holds of LargeBodies."""

    __slots__ = (
        "_parameters",
        "form",
        "headers",
        "hold",
        "method",
        "path",
        "peer",
        "query",
        "respond_as",
        "scheme",
    )

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.scheme: str = scope.get("scheme", "http")
        self.query: bytes = scope.get("query_string", b"")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.peer: str = (scope.get("client") or ("",))[0]
        self.respond_as: Any = None
        """The endpoint that the body's shape chose, on a path that several formats share."""
        self.hold: Hold | None = None
        self._parameters: dict[str, str] | None = None
        self.form: dict[str, str] | None = None
        """What a form says beside its data; None if the body is no form."""

    def header(self, name: bytes) -> str:
        # latin-1 decodes any byte, so no header can raise.
        return self.headers.get(name, b"").decode("latin-1")

    def parameter(self, name: str) -> str:
        return self.parameters().get(name, "") if self.query else ""

    def parameters(self) -> dict[str, str]:
        if self._parameters is None:
            try:
                pairs = parse_qs(self.query.decode("latin-1"), max_num_fields=100)
            except ValueError:
                raise RequestRejectedError("the query has too many parameters") from None
            self._parameters = {name: values[0] for name, values in pairs.items()}
        return self._parameters

    def bearer(self) -> str:
        authorization = self.header(b"authorization")
        return authorization[7:].strip() if authorization[:7].lower() == "bearer " else ""

    def basic_user(self) -> str:
        """The user name of Basic authentication, where Segment's clients put the write key."""
        authorization = self.headers.get(b"authorization")
        # Longer headers hold no write key, and would fill the cache's memory.
        return _basic_user(authorization) if authorization and len(authorization) <= MAX_CACHED_HEADER else ""

    def key(self) -> str:
        """The user name of Basic authentication, or an API key as a bearer."""
        if user := self.basic_user():
            return user
        bearer = self.bearer()
        # Any other bearer is for a proxy in between, and the key is in the body.
        return bearer if bearer.startswith(API_KEY_PREFIX) else ""

    def authorized_key(self) -> str:
        """The write key of the Authorization header: the user of Basic authentication, or the bearer token."""
        return self.basic_user() or self.bearer()


@lru_cache(maxsize=4096)
def _basic_user(authorization: bytes) -> str:
    if authorization[:6].lower() != b"basic ":
        return ""
    try:
        return base64.b64decode(authorization[6:]).split(b":")[0].decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


OnLarge = Callable[[Request, int], None]
"""Is told the size of a body beyond LARGE, each time it has grown. Raises RetryLaterError to stop it."""


async def read_body(
    request: Request, receive: Receive, limit: int, timer: BodyTimer, on_large: OnLarge | None = None
) -> bytes:
    """Read the body as it was sent.

    Raises RequestRejectedError: 413 beyond `limit` bytes, 408 when it is too slow.
    """
    announced = _announced(request, limit)
    try:
        return await timer.run(_read(request, announced, receive, limit, on_large))
    except TimeoutError:
        raise _too_slow(timer) from None


async def _read(
    request: Request, announced: bytes, receive: Receive, limit: int, on_large: OnLarge | None
) -> bytes:
    message = await receive()
    first: bytes = message.get("body", b"")
    _check_chunk(message, len(first), limit)
    # The server cannot know that the first chunk is the last, and another receive() costs a task switch.
    if not message.get("more_body") or announced == b"%d" % len(first):
        return first
    body, more = bytearray(first), True
    while more:
        if on_large is not None and len(body) > LARGE:
            try:
                on_large(request, len(body))
            except RetryLaterError:
                body.clear()
                # A client that is still sending would get a reset connection instead of the response.
                await _skip(receive, limit)
                raise
        message = await receive()
        more = message.get("more_body", False)
        body += message.get("body", b"")
        _check_chunk(message, len(body), limit)
    return bytes(body)


async def skip_body(request: Request, receive: Receive, limit: int, timer: BodyTimer) -> None:
    """Receive a body that nobody needs, and keep none of it. Raises RequestRejectedError as `read_body` does."""
    _announced(request, limit)
    try:
        await timer.run(_skip(receive, limit))
    except TimeoutError:
        raise _too_slow(timer) from None


async def _skip(receive: Receive, limit: int) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        size += len(message.get("body", b""))
        _check_chunk(message, size, limit)


def _announced(request: Request, limit: int) -> bytes:
    """The Content-Length. Raises RequestRejectedError if it is over the limit."""
    announced = request.headers.get(b"content-length", b"")
    # Five digits are below every limit, so small bodies skip the parsing. int() is slow for thousands of digits.
    if len(announced) > 5 and announced.isdigit() and (len(announced) > 15 or int(announced) > limit):
        raise too_large(limit)
    return announced


def _too_slow(timer: BodyTimer) -> RequestRejectedError:
    return RequestRejectedError(f"the body did not arrive within {timer.seconds:.0f} s", 408)


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
    headers = [*response.headers]
    # That of a 304 would be the length of what the browser has already.
    if response.status != 304:
        headers.append((b"content-length", b"%d" % len(response.body)))
    # Any origin may read the response: it holds none of the project's data, or data of a visitor whose secret or token
    # the request had in a header, which no other site can send. Cookies are never read here.
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
