"""What pages may load: our own files and nothing else, so that markup which slips through an escape does nothing."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def content_security_policy(get_response: Sync | Async) -> Sync | Async:
    """Names POLICY in every answer that has no policy of its own."""
    if iscoroutinefunction(get_response):
        answer_later = cast("Async", get_response)

        async def respond_later(request: HttpRequest) -> HttpResponseBase:
            return _protected(await answer_later(request))

        return respond_later

    answer = cast("Sync", get_response)

    def respond(request: HttpRequest) -> HttpResponseBase:
        return _protected(answer(request))

    return respond


def _protected(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
