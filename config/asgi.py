"""One port, three applications: ingest for clients and visitors, live pages' polling, Django for everything else."""

import os
import signal

# Until it serves, Granian's worker has its parent's SIGTERM handler, which would ignore a stop while Django loads.
if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django import setup

from analytics.ingest.app import Ingest
from analytics.ingest.http import Receive, Scope, Send
from analytics.record.visitors import visitor_routes
from config import bodies
from config.home import layout, private
from config.warm_up import warming_up
from dashboard.live import endpoint
from dashboard.live.endpoint import LivePages

# Also where no supervisor starts this process.
private.restrict_new_files()

setup(set_prefix=False)

from config.handler import Handler  # noqa: E402 (its models need Django to be set up)
from feedback.embed.endpoints import ENDPOINTS  # noqa: E402 (its models need Django to be set up)

django = Handler()
ingest = Ingest(extra_routes=visitor_routes(ENDPOINTS))


live = LivePages(layout.database_url())


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        async with live.running(), warming_up():
            # Ingest's alone, because Django's handler raises an error for it.
            await ingest(scope, receive, send)
    elif ingest.serves(scope["path"]):
        await ingest(scope, receive, send)
    else:
        # Pages and exports may compute for long before anything is sent.
        with ingest.connections.serving(scope):
            await _dashboard(scope, receive, send)


async def _dashboard(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"].startswith(endpoint.PREFIX):
        await live(scope, receive, send)
    else:
        await bodies.with_limited_body(django, scope, receive, send)
