"""The little of HTTP that ingest needs, over ASGI: a request whose body is read within bounds, and an answer."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from analytics.ingest.wire.encoding import content, too_large
from analytics.ingest.wire.event import Unreadable

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

BODY_SECONDS = 20.0
JSON_TYPE = (b"content-type", b"application/json")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")
EXPOSED = (b"access-control-expose-headers", b"retry-after")
SHARED = ((b"access-control-allow-credentials", b"true"), (b"vary", b"origin"))


class Answer(NamedTuple):
    """A status, a body, and headers beside Content-Length."""

    status: int
    body: bytes
    headers: Headers = (JSON_TYPE,)


class Request:
    """The head of a request. Header names are lower case."""

    __slots__ = ("headers", "method", "path", "peer", "query")

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.peer: str = (scope.get("client") or ("",))[0]

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    def parameter(self, name: str) -> str:
        return self.parameters().get(name, "") if self.query else ""

    def parameters(self) -> dict[str, str]:
        try:
            pairs = parse_qs(self.query.decode("latin-1"), max_num_fields=100)
        except ValueError:
            raise Unreadable("the query has too many parameters") from None
        return {name: values[0] for name, values in pairs.items()}

    def bearer(self) -> str:
        given = self.header(b"authorization")
        return given[7:].strip() if given[:7].lower() == "bearer " else ""

    def basic_user(self) -> str:
        """The user name of Basic authentication, which is where Segment's clients put the write key."""
        given = self.headers.get(b"authorization")
        return _basic_user(given) if given else ""


@lru_cache(maxsize=4096)
def _basic_user(authorization: bytes) -> str:
    if authorization[:6].lower() != b"basic ":
        return ""
    try:
        return base64.b64decode(authorization[6:]).split(b":")[0].decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def read(request: Request, receive: Receive, limit: int) -> bytes:
    """The whole body without its Content-Encoding. Raises Unreadable: 413 beyond `limit` bytes, 408 when slow."""
    announced = request.headers.get(b"content-length", b"")
    if len(announced) > 5 and announced.isdigit() and int(announced) > limit:
        raise too_large(limit)
    message = await receive()
    # A server cannot know of a first piece whether it is the last, and asking for the next costs a task switch.
    if message.get("more_body") and announced != b"%d" % len(message.get("body", b"")):
        body = await _within(BODY_SECONDS, _rest(message, receive, limit))
    else:
        body = _checked(message, message.get("body", b""), limit)
    encodings = request.headers.get(b"content-encoding")
    return content(body, encodings.decode("latin-1"), limit) if encodings else body


async def _within(seconds: float, reading: Awaitable[bytes]) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except TimeoutError:
        raise Unreadable(f"the body did not arrive within {seconds:.0f} s", 408) from None


async def _rest(message: Message, receive: Receive, limit: int) -> bytes:
    chunks = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        chunks += message.get("body", b"")
        _checked(message, chunks, limit)
    return bytes(chunks)


def _checked(message: Message, body: bytes | bytearray, limit: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Unreadable("the body broke off")
    if len(body) > limit:
        raise too_large(limit)
    return body  # type: ignore[return-value]


def later(answer: Answer, seconds: int) -> Answer:
    """The answer with Retry-After, which pages of other origins may read, too; as it is when there is no wait."""
    if not seconds:
        return answer
    return answer._replace(headers=(*answer.headers, (b"retry-after", b"%d" % seconds), EXPOSED))


def busy(told: str, seconds: int) -> Answer:
    return later(Answer(503, msgspec.json.encode({"success": False, "error": told})), seconds)


async def send(answer: Answer, request: Request, channel: Send) -> None:
    """Pages of any origin may read the answer: what is protected is the project's data, which no answer holds."""
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    if (origin := request.headers.get(b"origin")) is not None:
        headers += [(b"access-control-allow-origin", origin), *SHARED]
    await channel({"type": "http.response.start", "status": answer.status, "headers": headers})
    await channel({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.body})


def not_allowed(methods: tuple[str, ...]) -> Answer:
    allowed = ", ".join(methods).encode()
    return Answer(
        405,
        b'{"success":false,"error":"this path takes only %b"}' % allowed,
        (JSON_TYPE, (b"allow", allowed)),
    )


def preflight(request: Request, methods: tuple[str, ...]) -> Answer:
    """The answer to OPTIONS: all headers that are asked for are allowed, for a day."""
    asked = request.headers.get(b"access-control-request-headers", b"content-type, authorization")
    return Answer(
        204,
        b"",
        (
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", asked),
            (b"access-control-max-age", b"86400"),
        ),
    )
