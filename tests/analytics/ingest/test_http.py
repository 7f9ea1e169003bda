"""HTTP: origins, methods, sizes, and clients that are slow or disconnect."""

import asyncio
import gzip
import json
import time
from collections.abc import MutableMapping
from typing import Any

import pytest

from analytics.ingest import http, script_files
from analytics.ingest.app import Ingest
from analytics.ingest.postgres import APPLICATION_NAME
from projects import keys
from projects.models import Key
from tests.analytics.ingest.conftest import Harness, ledger, rows

CALL = {"userId": "ana", "event": "x"}
OURS = (
    "/v1/track /v1/b/ /e /e/ /i/v0/e/ /batch/ /s/ /flags/ /decide/ /array/k-1_x/config /array/k/config.js "
    "/i/v1/analytics/events /v1/projects/k/settings /static/array.js /static/1.449.2/surveys.js /array/k/array.js "
    "/api/surveys/ /flags/definitions"
)


@pytest.mark.parametrize("path", OURS.split())
def test_it_serves_its_paths(path: str) -> None:
    assert Ingest().serves(path)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/api/v1/events", "/api/v1/projects/k/settings", "/assets/array.js", "/sign-in/"]
)
def test_it_does_not_serve_other_paths(path: str) -> None:
    assert not Ingest().serves(path)


@pytest.mark.parametrize(
    "path", ["/v1/coments", "/v1/", "/v1/comments", "/e/x", "/i/v2/x", "/static/x.css", "/array/k"]
)
def test_an_unknown_path_below_its_own_gets_a_json_error(harness: Harness, path: str) -> None:
    """Ingest alone has no comments endpoint, and its clients must notice."""
    assert Ingest().serves(path)
    answer = harness.ingest.post(path, {}, headers={"origin": "https://a.example"})
    assert answer.status_code == 404
    assert answer.json() == {"success": False, "error": f"there is no endpoint {path}; see docs/api.md"}
    assert answer.headers["access-control-allow-origin"] == "https://a.example"


def test_a_page_of_another_origin_may_send(harness: Harness) -> None:
    asking = {
        "origin": "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, x-custom",
    }
    preflight = harness.ingest.request("OPTIONS", "/e/", headers=asking)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert preflight.headers["access-control-allow-headers"] == "content-type, x-custom"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    sent = harness.ingest.post(
        "/v1/t", CALL, key=harness.team.write_key, headers={"origin": "https://shop.example"}
    )
    assert sent.headers["access-control-allow-origin"] == "https://shop.example"
    assert sent.headers["access-control-allow-credentials"] == "true"
    assert sent.headers["vary"] == "origin"


def test_an_origin_that_is_not_allowed_is_rejected_and_counted(harness: Harness) -> None:
    project = harness.team.new.project
    project.allowed_origins = ["https://shop.example"]
    project.save()
    # A new key, because ingest may cache the first one with its old origins for two seconds.
    key = keys.create(project, Key.Kind.WRITE).text
    for origin, status in (("https://evil.example", 403), ("https://SHOP.example", 200), (None, 200)):
        headers = {"origin": origin} if origin else {}
        assert harness.ingest.post("/v1/t", CALL, key=key, headers=headers).status_code == status
    assert len(harness.inbox()) == 2
    assert harness.ledger() == {"received": 3, "refused origin": 1}


def test_an_unknown_key_is_rejected_and_counted_for_project_zero(harness: Harness) -> None:
    before = ledger(0).get("refused unknown_key", 0)
    segment = harness.ingest.post("/v1/batch", {"batch": [CALL, CALL]}, key="nobody")
    posthog = harness.ingest.post("/e/", {"event": "x", "distinct_id": "ana"})
    assert (segment.status_code, segment.json()["code"]) == (401, "unknown_key")
    assert (posthog.status_code, "no write key was sent" in posthog.text) == (401, True)
    # A request counts as one event, since nothing is parsed for a key that does not exist.
    assert ledger(0)["refused unknown_key"] == before + 2


def test_an_api_key_cannot_write(harness: Harness) -> None:
    assert harness.ingest.post("/v1/t", CALL, key=harness.team.api_key).status_code == 401


@pytest.mark.parametrize(
    ("path", "method"),
    [("/v1/track", "GET"), ("/v1/batch", "PUT"), ("/e/", "DELETE"), ("/array/k/config", "POST")],
)
def test_a_wrong_method_names_the_allowed_ones(harness: Harness, path: str, method: str) -> None:
    answer = harness.ingest.request(method, path)
    assert answer.status_code == 405
    assert "OPTIONS" in answer.headers["allow"]


def test_an_unknown_path_is_not_found(harness: Harness) -> None:
    assert harness.ingest.request("GET", "/nowhere").status_code == 404


def test_the_startup_requests_of_posthog_js(harness: Harness) -> None:
    config = harness.ingest.request("GET", "/array/k/config").json()
    assert (config["autocapture_opt_out"], config["analytics"]) == (False, {"endpoint": "/e/"})
    # With a `surveys` key it loads surveys.js, and without flags to load onFeatureFlags never calls back.
    assert "surveys" not in config
    assert config["hasFeatureFlags"] is True
    script = harness.ingest.request("GET", "/array/k/config.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert '["k"] = {config: {' in script.text
    assert harness.ingest.request("HEAD", "/array/k/config").content == b""
    nothing = {"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False}
    assert harness.ingest.post("/flags/?v=2", {}).json() == nothing
    assert harness.ingest.post("/decide/?v=3", {}).json().items() >= nothing.items()
    assert harness.ingest.post("/s/", b"\x1f\x8banything").json() == {"status": 1}


@pytest.mark.parametrize(
    "path",
    [
        "/static/array.js", "/static/array.js?v=1.2.3", "/static/1.449.2/array.js", "/static/array.full.js",
        "/array/k-1_x/array.js",
    ],
)  # fmt: skip
def test_posthogs_snippet_gets_a_script_of_ours(harness: Harness, path: str) -> None:
    headers = {"accept-encoding": "gzip", "origin": "https://shop.example"}
    script = harness.ingest.request("GET", path, headers=headers)
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert script.headers["access-control-allow-origin"] == "https://shop.example"
    assert "origin" in script.headers["vary"]
    assert script.content == script_files.LOADER.plain
    plain = harness.ingest.request("GET", path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == script_files.LOADER.plain


@pytest.mark.parametrize(
    "path",
    ["/static/surveys.js?v=1.449.2", "/static/1.449.2/recorder.js", "/array/k/dead-clicks-autocapture.js"],
)
def test_scripts_of_features_that_are_off_are_empty(harness: Harness, path: str) -> None:
    script = harness.ingest.request("GET", path, headers={"origin": "https://shop.example"})
    assert (script.status_code, script.content) == (200, b"")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["access-control-allow-origin"] == "https://shop.example"


def test_questions_about_features_that_are_off_get_empty_lists(harness: Harness) -> None:
    def asked(path: str) -> object:
        answer = harness.ingest.request("GET", path, headers={"origin": "https://shop.example"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        return answer.json()

    assert asked("/api/surveys/?token=k") == {"surveys": []}
    assert asked("/api/early_access_features/?token=k") == {"earlyAccessFeatures": []}
    assert asked("/api/web_experiments/?token=k") == {"experiments": []}
    assert asked("/api/product_tours/?token=k") == {"product_tours": []}
    none: dict[str, object] = {"flags": [], "group_type_mapping": {}, "cohorts": {}}
    assert asked("/flags/definitions?token=k") == asked("/api/feature_flag/local_evaluation?token=k") == none
    for path in ("/i/v1/logs", "/i/v1/metrics", "/i/v0/ai", "/v1/m"):
        assert harness.ingest.post(f"{path}?token=k", b"anything").status_code == 200


def test_segments_settings_name_this_installation(harness: Harness) -> None:
    def settings(**headers: str) -> dict[str, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found = harness.ingest.request("GET", "/v1/projects/k-1/settings", headers=named).json()
        # Otherwise the client reports its own metrics to Segment.
        assert found["metrics"] == {"sampleRate": 0}
        settings: dict[str, Any] = found["integrations"]["Segment.io"]
        return settings

    assert settings(host="firsthand.example:8000") == {
        "apiKey": "k-1", "apiHost": "firsthand.example:8000/v1", "protocol": "http",
    }  # fmt: skip
    proxied = settings(host="10.0.0.1", x_forwarded_host="firsthand.example", x_forwarded_proto="https")
    assert (proxied["apiHost"], proxied["protocol"]) == ("firsthand.example/v1", "https")


def test_segments_settings_over_https(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_HTTPS", "1")
    found = harness.ingest.request("GET", "/v1/projects/k/settings").json()
    assert found["integrations"]["Segment.io"]["protocol"] == "https"


def test_a_batch_beyond_the_limit_names_the_limit(harness: Harness) -> None:
    answer = harness.ingest.post("/v1/batch", b" " * 500_001, key=harness.team.write_key)
    assert answer.status_code == 413
    assert "500,000 bytes" in answer.json()["error"]
    assert harness.ledger() == {"received": 1, "refused too_large": 1}


@pytest.mark.parametrize("path", ["/v1/batch", "/batch/"])
def test_a_gzip_bomb_is_stopped_while_it_is_inflated(harness: Harness, path: str) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 9)
    assert len(bomb) < 250_000
    answer = harness.ingest.post(path, bomb, key=harness.team.write_key, headers={"content-encoding": "gzip"})
    assert answer.status_code == 413


def test_a_recording_is_discarded_without_inflating_it(harness: Harness) -> None:
    bomb = gzip.compress(b" " * 200_000_000, 9)
    assert harness.ingest.post("/s/", bomb, headers={"content-encoding": "gzip"}).json() == {"status": 1}
    assert harness.ingest.post("/s/", b" " * 20_000_001).status_code == 413


def test_a_bomb_within_a_bomb_and_in_a_form(harness: Harness) -> None:
    inner = gzip.compress(gzip.compress(b" " * 100_000_000, 9), 9)
    assert harness.ingest.post("/e/", inner, headers={"content-encoding": "gzip"}).status_code == 413


def test_an_unsupported_encoding(harness: Harness) -> None:
    answer = harness.ingest.post(
        "/v1/t", b"x", key=harness.team.write_key, headers={"content-encoding": "br"}
    )
    assert answer.status_code == 415
    assert "'br'" in answer.json()["error"]


def test_damaged_gzip(harness: Harness) -> None:
    cut = gzip.compress(json.dumps(CALL).encode())[:-12]
    answer = harness.ingest.post(
        "/v1/t", cut, key=harness.team.write_key, headers={"content-encoding": "gzip"}
    )
    assert answer.status_code == 400
    assert "damaged" in answer.json()["error"]


async def _talk(
    messages: list[dict[str, Any]],
    *,
    then_silence: bool = False,
    length: bytes | None = None,
    path: str = "/v1/track",
) -> int:
    """Send one request to a new application, message by message. Returns the status of the response."""
    app, answers = Ingest(), list[MutableMapping[str, Any]]()

    async def receive() -> MutableMapping[str, Any]:
        if not messages and then_silence:
            await asyncio.sleep(60)
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        answers.append(message)

    await app.start()
    try:
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [] if length is None else [(b"content-length", length)],
            "client": ("192.0.2.1", 1),
        }
        await app(scope, receive, send)
    finally:
        await app.stop()
    return int(answers[0]["status"])


def test_a_body_that_is_cut_off(team: object) -> None:
    assert asyncio.run(_talk([{"type": "http.request", "body": b'{"a', "more_body": True}])) == 400


def test_a_body_that_is_too_slow(team: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    begun: list[dict[str, Any]] = [{"type": "http.request", "body": b'{"a', "more_body": True}]
    assert asyncio.run(_talk(begun, then_silence=True)) == 408


@pytest.mark.parametrize("path", ["/v1/track", "/flags/"])
def test_a_body_whose_first_byte_never_comes(
    team: object, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    assert asyncio.run(_talk([], then_silence=True, length=b"2", path=path)) == 408


def test_a_body_that_is_as_long_as_announced_is_not_waited_for(
    team: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    first: dict[str, Any] = {"type": "http.request", "body": b"{}", "more_body": True}
    assert asyncio.run(_talk([first], then_silence=True, length=b"2")) == 401
    assert asyncio.run(_talk([first], then_silence=True, length=b"3")) == 408


def test_a_body_that_never_ends_is_stopped_at_the_limit(team: object) -> None:
    endless: list[dict[str, Any]] = [{"type": "http.request", "body": b"x" * 100_000, "more_body": True}] * 50
    assert asyncio.run(_talk(endless)) == 413


def test_lifespan_startup_and_shutdown(team: object) -> None:
    async def live() -> list[str]:
        said: list[str] = []
        messages = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> MutableMapping[str, Any]:
            return {"type": next(messages)}

        async def send(message: MutableMapping[str, Any]) -> None:
            said.append(message["type"])

        await Ingest()({"type": "lifespan"}, receive, send)
        return said

    assert asyncio.run(live()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_stopping_closes_all_connections(team: object) -> None:
    before = _connections()
    asyncio.run(_talk([{"type": "http.request", "body": b"{}", "more_body": False}]))
    until = time.monotonic() + 60
    while _connections() > before and time.monotonic() < until:
        time.sleep(0.05)
    assert _connections() <= before


def _connections() -> int:
    # By name: autovacuum's workers and Django's pool come and go by themselves.
    (row,) = rows(
        "SELECT count(*)::int AS count FROM pg_stat_activity"
        f" WHERE datname = current_database() AND application_name = '{APPLICATION_NAME}'"
    )
    return int(row["count"])
