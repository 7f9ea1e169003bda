"""The Content-Security-Policy. Pages load our own files only, so injected markup cannot run scripts."""

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
        # default-src does not cover the rest: an injected <form> or <base> could send data to another site.
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def content_security_policy(get_response: Sync | Async) -> Sync | Async:
    """Add POLICY to every response that has no policy of its own."""
    if iscoroutinefunction(get_response):
        get_async = cast("Async", get_response)

        async def respond_later(request: HttpRequest) -> HttpResponseBase:
            return _protected(await get_async(request))

        return respond_later

    get_sync = cast("Sync", get_response)

    def respond(request: HttpRequest) -> HttpResponseBase:
        return _protected(get_sync(request))

    return respond


def _protected(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
