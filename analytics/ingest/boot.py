"""What posthog-js asks when it starts: which features are on. Here: capturing, and nothing else."""

import re

import msgspec

from analytics.ingest.http import Answer, Request

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


def configuration(request: Request) -> Answer:
    asked = CONFIGURATION.fullmatch(request.path)
    config = msgspec.json.encode(CONFIG)
    if asked is None or asked["script"] is None:
        return Answer(200, config)
    key = msgspec.json.encode(asked["key"])
    return Answer(200, SCRIPT % (key, config), (SCRIPT_TYPE,))


def flags(request: Request) -> Answer:
    return Answer(200, msgspec.json.encode(FLAGS))


def decide(request: Request) -> Answer:
    """Older clients read the configuration from the same answer."""
    return Answer(200, msgspec.json.encode({**CONFIG, **FLAGS}))


def discarded(request: Request) -> Answer:
    """Recordings are not kept; a client that sends them all the same is not to try again."""
    return Answer(200, b'{"status":1}')
