"""The requests that posthog-js makes when it starts. Only capturing is on."""

import re

import msgspec

from analytics.ingest.http import Request, Response

# The key becomes part of a script, so it may not hold anything that could end its string.
CONFIGURATION = re.compile(r"/array/(?P<key>[\w-]{1,200})/config(?P<script>\.js)?/?")
CONFIG = {
    "supportedCompression": ["gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "surveys": False,
    "siteApps": [],
    "toolbarParams": {},
    "isAuthenticated": False,
    "defaultIdentifiedOnly": True,
    "autocapture_opt_out": False,
    "capturePerformance": False,
    "heatmaps": False,
    "elementsChainAsString": True,
    "analytics": {"endpoint": "/e/"},
}
FLAGS = {"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False}
SCRIPT = (
    b"(window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {})[%b] = {config: %b, siteApps: []};"
)
SCRIPT_TYPE = (b"content-type", b"application/javascript; charset=utf-8")


def configuration(request: Request) -> Response:
    match = CONFIGURATION.fullmatch(request.path)
    config = msgspec.json.encode(CONFIG)
    if match is None or match["script"] is None:
        return Response(200, config)
    key = msgspec.json.encode(match["key"])
    return Response(200, SCRIPT % (key, config), (SCRIPT_TYPE,))


def flags(request: Request) -> Response:
    return Response(200, msgspec.json.encode(FLAGS))


def decide(request: Request) -> Response:
    """Older clients read flags and configuration from one response."""
    return Response(200, msgspec.json.encode({**CONFIG, **FLAGS}))


def discard(request: Request) -> Response:
    # Recordings are not supported. An error would make the client retry them for ever.
    return Response(200, b'{"status":1}')
