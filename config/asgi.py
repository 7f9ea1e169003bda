"""One port, two applications: what clients and visitors send goes to ingest, all else to Django, within bounds."""

import os
import signal

# Granian's worker has its parent's handler for SIGTERM until it serves: a stop while Django loads would be lost on it.
if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

from analytics.ingest.app import Ingest
from analytics.ingest.http import Receive, Scope, Send
from analytics.record.visitors import visitor_doors
from config import bodies

django = get_asgi_application()

from feedback.embed.endpoints import ENDPOINTS  # noqa: E402 (its models need Django to be set up)

ingest = Ingest(more_doors=visitor_doors(ENDPOINTS))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan" or ingest.serves(scope["path"]):
        await ingest(scope, receive, send)
    else:
        await bodies.bounded(django, scope, receive, send)
