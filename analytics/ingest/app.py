"""The ASGI application of ingest: it finds the endpoint for a path and sends its response.

It runs behind config.asgi, or alone: `granian --interface asgi analytics.ingest.app:app`.
"""

import asyncio
import gc
import logging
import re
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from analytics.ingest import http, routes
from analytics.ingest.amplitude_routes import AMPLITUDE
from analytics.ingest.connections import ConnectionGuard
from analytics.ingest.http import Receive, Request, Response, Scope, Send
from analytics.ingest.intake import Endpoint, Intake
from analytics.ingest.mixpanel_routes import MIXPANEL
from analytics.ingest.rates import Rates
from analytics.ingest.routes import OWN_PREFIXES, ROUTES, StaticEndpoint
from analytics.ingest.spool import RetryLaterError
from analytics.ingest.wire.event import RequestRejectedError
from config import env
from config.home import layout, priority, private
from config.peers import Proxies

log = logging.getLogger(__name__)


class Ingest:
    """The ASGI application, for one event loop at a time.

    `extra_routes` are endpoints by path, added to ROUTES; a {name} in a path stands for one part of it. `rates` default
    to those in the environment. `trusted`: nobody but this process sends to it, so user ids need no proof.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        extra_routes: Mapping[str, Endpoint] | None = None,
        rates: Rates | None = None,
        trusted: bool = False,
    ) -> None:
        self._url = database_url
        self._rates = rates
        self._trusted = trusted
        extra = dict(extra_routes or {})
        self._routes = ROUTES | MIXPANEL | AMPLITUDE | {p: e for p, e in extra.items() if "{" not in p}
        self._patterns: tuple[tuple[re.Pattern[str], Endpoint | StaticEndpoint], ...] = (
            *((routes.pattern(path), each) for path, each in extra.items() if "{" in path),
            *routes.PATTERNS,
        )
        self._tasks: list[asyncio.Task[None]] = []
        proxies = Proxies(env.words("FIRSTHAND_TRUSTED_PROXIES"))
        self.connections = ConnectionGuard(env.integer("FIRSTHAND_ADDRESS_CONNECTIONS", 500), proxies.trusts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            request = Request(scope)
            await http.send(await self._respond(request, receive), request, send)

    def serves(self, path: str) -> bool:
        """Whether this application responds to a path: one of its routes, or anything below its prefixes."""
        return path.startswith(OWN_PREFIXES) or routes.find(self._routes, path, self._patterns) is not None

    async def start(self) -> None:
        self._intake = Intake(
            self._url or layout.database_url(),
            layout.home(),
            self._rates or Rates.from_environment(),
            trusted=self._trusted,
        )
        self._tasks = [asyncio.create_task(_run_forever(each)) for each in self._intake.loops]

    async def stop(self) -> None:
        """Store pending events, then disconnect from the database."""
        # The loops must still run here, because they store what is pending.
        await self._intake.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._intake.disconnect()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        # Ingest may run alone, without the supervisor.
        private.restrict_new_files()
        await self.start()
        # Granian starts its threads after this, hence not once.
        favoring = asyncio.create_task(priority.favor_python_threads())
        self.connections.start()
        # Keeps the collector from scanning the loaded modules again and again under load.
        gc.freeze()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        favoring.cancel()
        self.connections.stop()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, request: Request, receive: Receive) -> Response:
        endpoint = routes.find(self._routes, request.path, self._patterns)
        if endpoint is None:
            return _not_found(request.path)
        if request.method == "OPTIONS":
            return http.preflight(request, endpoint.methods)
        if request.method not in endpoint.methods:
            return http.method_not_allowed(endpoint.methods)
        try:
            return await self._handle(endpoint, request, receive)
        except RequestRejectedError as error:
            chosen: Endpoint | StaticEndpoint = request.respond_as or endpoint
            return http.with_retry_after(chosen.error_response(error), error.wait)
        except RetryLaterError as error:
            return http.service_unavailable("too busy; retry later", error.seconds)
        finally:
            if request.hold is not None:
                request.hold.release()

    async def _handle(
        self, endpoint: Endpoint | StaticEndpoint, request: Request, receive: Receive
    ) -> Response:
        if isinstance(endpoint, StaticEndpoint):
            await http.skip_body(request, receive, endpoint.max_body, self._intake.timer)
            return endpoint.respond(request)
        admitted = await self._intake.admit(endpoint, request, receive)
        chosen: Endpoint = request.respond_as or endpoint
        return await chosen.handle(self._intake, request, admitted)


def _not_found(path: str) -> Response:
    body = {"success": False, "error": f"there is no endpoint {path}; see docs/api.md"}
    return Response(404, msgspec.json.encode(body))


async def _run_forever(work: Callable[[], Awaitable[None]]) -> None:
    # If one of these loops ended with an exception, all later requests would hang.
    while True:
        try:
            await work()
        except Exception:
            log.exception("ingest: %s failed; restarting it", work.__qualname__)
            await asyncio.sleep(1)


app = Ingest()
