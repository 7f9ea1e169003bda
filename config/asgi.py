"""One port, two applications: ingest paths go to the lean callable, everything else to Django, within bounds."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

# Granian's worker has its parent's handler for SIGTERM until it serves: a stop while Django loads would be lost on it.
if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

from analytics.ingest import app as ingest
from config import bodies

Scope = dict[str, Any]
Channel = Callable[..., Awaitable[Any]]

django = get_asgi_application()


async def application(scope: Scope, receive: Channel, send: Channel) -> None:
    if scope["type"] == "lifespan" or ingest.serves(scope):
        await ingest.app(scope, receive, send)
    else:
        await bodies.bounded(django, scope, receive, send)
