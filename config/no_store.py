"""Keeps pages and exports out of all caches: they show people to whoever is signed in or has a key."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

PRIVATE = "private, no-store"


@sync_and_async_middleware
def no_store(get_response: Sync | Async) -> Sync | Async:
    """Add `Cache-Control: private, no-store` to every response that does not say how it may be cached."""
    if iscoroutinefunction(get_response):
        get_async = cast("Async", get_response)

        async def respond_later(request: HttpRequest) -> HttpResponseBase:
            return _uncached(await get_async(request))

        return respond_later

    get_sync = cast("Sync", get_response)

    def respond(request: HttpRequest) -> HttpResponseBase:
        return _uncached(get_sync(request))

    return respond


def _uncached(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Cache-Control", PRIVATE)
    return response
