"""Loads what the first pages after a start would otherwise load: modules, templates and the query engine.

Beside the start, not in it: the server answers from the first moment on, and a page that is asked for meanwhile loads
what it needs itself.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)


@asynccontextmanager
async def warming_up() -> AsyncIterator[asyncio.Task[None]]:
    """Warm up in a thread, which the block does not wait for."""
    task = asyncio.create_task(asyncio.to_thread(_warm_up))
    task.add_done_callback(_log_failure)
    yield task


def _warm_up() -> None:
    from django.db import connection

    from analytics.console import warm_up

    try:
        warm_up.load_urls()
        warm_up.load_templates()
        warm_up.ask_every_kind()
    finally:
        # Otherwise this thread, which may serve nothing again, would keep a connection of the pool.
        connection.close()


def _log_failure(task: asyncio.Task[None]) -> None:
    # Pages work without it. They only take longer at first.
    if not task.cancelled() and (error := task.exception()):
        log.warning("warm-up failed: %s", error, exc_info=error)
