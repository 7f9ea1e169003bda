"""A shop's web site with a strict policy, which also passes /fh/ on to Firsthand, as docs/embed.md shows."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx

from tests.ports import free_port

STRICT = "default-src 'self'; style-src 'self'; img-src 'self' data:; require-trusted-types-for 'script'"
TYPES = {"js": "text/javascript", "mjs": "text/javascript", "css": "text/css"}
PASSED_ON = "/fh/"
HOP = {"host", "connection", "content-length", "transfer-encoding", "content-encoding", "accept-encoding"}


@dataclass
class Site:
    """Files by path. `headers` are those of all pages."""

    port: int
    firsthand: str
    headers: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def clear(self, policy: str = STRICT) -> None:
        self.files.clear()
        self.headers = {"content-security-policy": policy}

    @property
    def address(self) -> str:
        # Not 127.0.0.1, so that Firsthand is another site.
        return f"http://localhost:{self.port}"


class Handler(http.server.BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith(PASSED_ON):
            self._pass_on()
        elif (text := self.site.files.get(path)) is None:
            self._answer(404, b"not found", {"content-type": "text/plain"})
        else:
            kind = TYPES.get(path.rpartition(".")[2], "text/html")
            more = self.site.headers if kind == "text/html" else {}
            self._answer(200, text.encode(), {"content-type": f"{kind}; charset=utf-8", **more})

    do_POST = do_GET  # noqa: N815

    def _pass_on(self) -> None:
        """nginx: `location /fh/ { proxy_pass https://YOUR-HOST/; }`."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        address = f"{self.site.firsthand}/{self.path.removeprefix(PASSED_ON)}"
        answer = httpx.request(self.command, address, content=body, headers=headers)
        given = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
        self._answer(answer.status_code, answer.content, given)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        # A page that went away does not wait for answers.
        with suppress(BrokenPipeError):
            self.wfile.write(body)

    def log_message(self, *given: object) -> None:
        pass


@contextmanager
def serving(firsthand: str) -> Iterator[Site]:
    site = Site(free_port(), firsthand)
    handler = type("ShopHandler", (Handler,), {"site": site})
    with http.server.ThreadingHTTPServer(("127.0.0.1", site.port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
