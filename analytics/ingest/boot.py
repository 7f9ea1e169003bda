"""What the browser SDKs of PostHog and Segment load before they send events. Only capturing is on.

Features that Firsthand does not have get an empty response of their own format: an error would be logged in the
console of every page, and retried.
"""

import re

import msgspec

from analytics.ingest.http import Request, Response
from analytics.ingest.script_files import HOUR, SCRIPT_TYPE, VARY
from config import env

# The key becomes part of a script, so it may not hold anything that could end its string.
CONFIGURATION = re.compile(r"/array/(?P<key>[\w-]{1,200})/config(?P<script>\.js)?/?")
SETTINGS = re.compile(r"/v1/projects/(?P<key>[\w-]{1,200})/settings/?")
EXTENSION = re.compile(r"/(static(/[\w.-]{1,50})?|array/[\w-]{1,200})/[\w.-]{1,100}\.js")
CONFIG = {
    "supportedCompression": ["gzip-js"],
    # Without flags to load, onFeatureFlags would never call back, and pages that wait for it would hang.
    "hasFeatureFlags": True,
    "sessionRecording": False,
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
NOTHING: dict[str, dict[str, object]] = {
    "/api/surveys": {"surveys": []},
    "/api/early_access_features": {"earlyAccessFeatures": []},
    "/api/web_experiments": {"experiments": []},
    "/api/product_tours": {"product_tours": []},
    "/api/feature_flag/local_evaluation": {"flags": [], "group_type_mapping": {}, "cohorts": {}},
    "/flags/definitions": {"flags": [], "group_type_mapping": {}, "cohorts": {}},
}
"""Responses without content to what the SDKs ask for beside events, by path."""

SCRIPT = (
    b"(window._POSTHOG_REMOTE_CONFIG = window._POSTHOG_REMOTE_CONFIG || {})[%b] = {config: %b, siteApps: []};"
)


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
    # Recordings, logs and metrics are not supported. An error would make the client retry them for ever.
    return Response(200, b'{"status":1}')


def nothing(request: Request) -> Response:
    return Response(200, msgspec.json.encode(NOTHING[request.path.rstrip("/")]))


def extension(request: Request) -> Response:
    """An empty script for surveys.js, recorder.js and others: browsers log a missing one as an error."""
    return Response(200, b"", (SCRIPT_TYPE, HOUR, VARY))


def settings(request: Request) -> Response:
    """Segment's settings document, which analytics-next loads from its `cdnURL`."""
    match = SETTINGS.fullmatch(request.path)
    host = request.header(b"x-forwarded-host") or request.header(b"host")
    destination = {
        "apiKey": match["key"] if match else "",
        "apiHost": f"{host.split(',')[0].strip()}/v1",
        "protocol": "https" if _is_https(request) else "http",
    }
    # Otherwise the client reports its own metrics to Segment.
    document = {"integrations": {"Segment.io": destination}, "metrics": {"sampleRate": 0}}
    return Response(200, msgspec.json.encode(document))


def _is_https(request: Request) -> bool:
    # Like the host, only its sender sees the response, so no proxy has to be trusted for it.
    forwarded = request.header(b"x-forwarded-proto").split(",")[0].strip()
    return (forwarded or request.scheme) == "https" or env.boolean("FIRSTHAND_HTTPS")
