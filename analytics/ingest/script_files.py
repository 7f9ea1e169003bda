"""The scripts that pages load, all built from widget/: fh.js, its parts, and the one behind PostHog's snippet."""

import gzip
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import msgspec

from analytics.ingest.http import Headers, Request, Response

FOLDER = Path(__file__).parent / "scripts"
PART_ADDRESS = re.compile(r"/fh/(?P<name>[a-z_]{1,40})-(?P<digest>[0-9a-f]{1,64})\.js")
LOADER_ADDRESS = re.compile(r"/(static(/[\w.-]{1,50})?|array/[\w-]{1,200})/array[\w.-]{0,50}\.js")

SCRIPT_TYPE = (b"content-type", b"text/javascript; charset=utf-8")
# Without `origin`, a copy that was loaded as a plain script would be reused where CORS is asked for, and fail.
VARY = (b"vary", b"accept-encoding, origin")
# Pages with Cross-Origin-Embedder-Policy load nothing else.
ANY_SITE = (b"cross-origin-resource-policy", b"cross-origin")
SHORT = (b"cache-control", b"public, max-age=600")
HOUR = (b"cache-control", b"public, max-age=3600")
FOREVER = (b"cache-control", b"public, max-age=31536000, immutable")
CHECKED = (b"cache-control", b"no-cache")


class Script(NamedTuple):
    plain: bytes
    gzipped: bytes
    etag: str


def _read(path: Path) -> Script:
    plain = path.read_bytes()
    # Weak, because the compressed and the plain form share it.
    return Script(plain, gzip.compress(plain, 9, mtime=0), f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"')


LOADER = _read(FOLDER / "array.js")
ENTRIES = {f"/{name}": _read(FOLDER / name) for name in ("fh.js", "fh.mjs")}
"""By path. Sites load them by these names, so an upgrade must reach them soon."""
PARTS = {f"/fh/{path.name}": _read(path) for path in sorted((FOLDER / "fh").glob("*.js"))}
"""By path. Their names contain a digest of their contents."""


def entry(request: Request) -> Response:
    return _response(request, ENTRIES[request.path.rstrip("/")], SHORT)


def part(request: Request) -> Response:
    """A part of fh.js. A page that was opened before an upgrade asks for an older one, and gets the newest."""
    if (script := PARTS.get(request.path)) is not None:
        return _response(request, script, FOREVER)
    match = PART_ADDRESS.fullmatch(request.path)
    if match is not None and (script := _newest(match["name"])) is not None:
        return _response(request, script, CHECKED)
    return Response(404, msgspec.json.encode({"success": False, "error": f"there is no part {request.path}"}))


def loader(request: Request) -> Response:
    """The script that PostHog's HTML snippet loads."""
    return _response(request, LOADER, HOUR)


def _newest(name: str) -> Script | None:
    return next((PARTS[path] for path in PARTS if path.startswith(f"/fh/{name}-")), None)


def _response(request: Request, script: Script, cached: tuple[bytes, bytes]) -> Response:
    headers: Headers = (SCRIPT_TYPE, cached, VARY, ANY_SITE, (b"etag", script.etag.encode()))
    if script.etag in request.header(b"if-none-match"):
        return Response(304, b"", headers)
    if "gzip" in request.header(b"accept-encoding"):
        return Response(200, script.gzipped, (*headers, (b"content-encoding", b"gzip")))
    return Response(200, script.plain, headers)
