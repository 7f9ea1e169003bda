"""One port, two applications: ingest for clients and visitors, Django for everything else."""

import os
import signal

# Until it serves, Granian's worker has its parent's SIGTERM handler, which would ignore a stop while Django loads.
if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

from analytics.ingest.app import Ingest
from analytics.ingest.http import Receive, Scope, Send
from analytics.record.visitors import visitor_routes
from config import bodies

django = get_asgi_application()

from feedback.embed.endpoints import ENDPOINTS  # noqa: E402 (its models need Django to be set up)

ingest = Ingest(extra_routes=visitor_routes(ENDPOINTS))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    # Lifespan goes to ingest, because Django's handler raises an error for it.
    if scope["type"] == "lifespan" or ingest.serves(scope["path"]):
        await ingest(scope, receive, send)
    else:
        await bodies.with_limited_body(django, scope, receive, send)
