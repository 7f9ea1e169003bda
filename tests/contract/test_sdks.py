"""Unmodified SDKs from PyPI against a real server: they lose nothing and send nothing twice, restarts included."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import mixpanel
import posthog
import pytest
from amplitude import Amplitude, BaseEvent, Config, EventOptions, Identify, Revenue
from posthog.capture_mode import CaptureMode
from segment.analytics.client import Client as SegmentClient

from analytics.pipeline import until_idle
from analytics.query.overview import overview
from tests.analytics.ingest.conftest import ledger, rows
from tests.people import Team
from tests.ports import free_port

pytestmark = pytest.mark.slow

MANY = 1_000


class Server:
    """The ingest application alone under Granian, on a port of its own."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, "FIRSTHAND_HOME": str(home), "PYTHONPATH": str(Path.cwd())}
        self._log = (home / "granian.log").open("ab")

    def start(self) -> None:
        command = [
            sys.executable, "-m", "granian", "--interface", "asgi", "--loop", "uvloop", "--port", str(self.port),
            "analytics.ingest.app:app",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, env=self._environment, stdout=self._log, stderr=self._log, start_new_session=True
        )
        until = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, "granian ended"
            assert time.monotonic() < until, "granian does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def close(self) -> None:
        try:
            self.stop()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._log.close()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/array/key/config").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.close()


def ids(team: Team) -> list[uuid.UUID]:
    return [row["id"] for row in rows("SELECT id FROM analytics_inbox WHERE project_id = %s", team.id)]


def segment_client(server: Server, team: Team, errors: list[object], **options: Any) -> SegmentClient:
    return SegmentClient(
        team.write_key, host=server.url, on_error=lambda error, _: errors.append(error), max_queue_size=10_000,
        upload_interval=0.05, **options,
    )  # fmt: skip


def posthog_client(server: Server, team: Team, errors: list[object], **options: Any) -> posthog.Posthog:
    return posthog.Posthog(
        team.write_key, host=server.url, on_error=lambda error, _: errors.append(error), max_queue_size=10_000,
        flush_interval=0.05, disable_geoip=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize("gzip", [False, True])
def test_segments_python_client_loses_nothing_and_sends_nothing_twice(
    server: Server, team: Team, gzip: bool
) -> None:
    errors: list[object] = []
    client = segment_client(server, team, errors, gzip=gzip)
    client.identify("ana", {"name": "Ana"})
    client.page("ana", "Home", "Start", {"url": "https://shop.example/"})
    client.screen("ana", "Start", "Cart")
    client.group("ana", "acme", {"seats": 3})
    client.alias("device", "ana")
    for number in range(MANY):
        client.track("ana", "step", {"number": number})
    client.shutdown()
    assert errors == []
    assert len(set(ids(team))) == len(ids(team)) == MANY + 5
    assert ledger(team.id) == {"received": MANY + 5}
    found = rows(
        "SELECT event, count(*)::int AS count FROM analytics_inbox WHERE project_id = %s GROUP BY 1", team.id
    )
    assert {row["event"]: row["count"] for row in found} == {
        "$identify": 1, "$pageview": 1, "$screen": 1, "$groupidentify": 1, "$create_alias": 1, "step": MANY,
    }  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [{}, {"gzip": True}, {"capture_mode": CaptureMode.V1}],
    ids=["plain", "gzip", "v1"],
)
def test_posthogs_python_client_loses_nothing_and_sends_nothing_twice(
    server: Server, team: Team, options: dict[str, Any]
) -> None:
    errors: list[object] = []
    client = posthog_client(server, team, errors, **options)
    client.set(distinct_id="ana", properties={"name": "Ana"})
    client.alias(previous_id="device", distinct_id="ana")
    client.group_identify("company", "acme", {"seats": 3})
    sent = {
        client.capture("step", distinct_id="ana", properties={"number": number}) for number in range(MANY)
    }
    client.shutdown()
    assert errors == []
    assert {uuid.UUID(each) for each in sent if each} <= set(ids(team))
    assert len(sent) == MANY
    assert ledger(team.id) == {"received": MANY + 3}
    (alias,) = rows(
        "SELECT distinct_id, linked_id FROM analytics_inbox WHERE project_id = %s AND link = 'alias'", team.id
    )
    assert {alias["distinct_id"], alias["linked_id"]} == {"device", "ana"}


@pytest.mark.parametrize("options", [{}, {"capture_mode": CaptureMode.V1}], ids=["plain", "v1"])
def test_what_posthogs_python_client_sends_without_an_id_makes_no_people(
    server: Server, team: Team, options: dict[str, Any]
) -> None:
    errors: list[object] = []
    client = posthog_client(server, team, errors, **options)
    client.capture("signed up", distinct_id="ana")
    for number in range(5):
        client.capture("job ran", properties={"number": number})
        client.capture_exception(ValueError(f"job {number} failed"))
        client.group_identify("company", f"acme {number}", {"seats": number})
    client.group_identify("company", "acme", {"seats": 9}, distinct_id="ana")
    client.shutdown()
    until_idle()
    assert errors == []
    found = overview(team.new.project)
    assert (found.events, found.people, found.sessions) == (17, 1, 0)
    stored = rows("SELECT event, person_id FROM analytics_event WHERE project_id = %s", team.id)
    assert Counter(row["event"] for row in stored if row["person_id"]) == {
        "signed up": 1, "$groupidentify": 1,
    }  # fmt: skip


def test_an_event_of_900_kilobytes_passes(server: Server, team: Team) -> None:
    errors: list[object] = []
    client = posthog_client(server, team, errors)
    client.capture("big", distinct_id="ana", properties={"text": "x" * (899 * 1024)})
    client.shutdown()
    assert errors == []
    assert len(ids(team)) == 1


def restarted_during(server: Server, send: Callable[[int], None]) -> None:
    """Send many while the web process stops and starts again."""

    def restart() -> None:
        server.stop()
        time.sleep(0.3)
        server.start()

    thread = threading.Thread(target=restart)
    for number in range(MANY):
        if number == MANY // 3:
            thread.start()
        send(number)
        time.sleep(0.001)
    thread.join()


def test_segments_client_across_a_restart(server: Server, team: Team) -> None:
    errors: list[object] = []
    client = segment_client(server, team, errors)
    sent: list[uuid.UUID] = []

    def send(number: int) -> None:
        message = uuid.uuid4()
        sent.append(message)
        client.track("ana", "step", {"number": number}, message_id=str(message))

    restarted_during(server, send)
    client.shutdown()
    assert errors == []
    assert set(ids(team)) == set(sent)


def test_posthogs_client_across_a_restart(server: Server, team: Team) -> None:
    errors: list[object] = []
    client = posthog_client(server, team, errors, max_retries=10)
    sent: list[uuid.UUID] = []

    def send(number: int) -> None:
        message = uuid.uuid4()
        sent.append(message)
        client.capture("step", distinct_id="ana", properties={"number": number}, uuid=str(message))

    restarted_during(server, send)
    client.shutdown()
    assert errors == []
    assert set(ids(team)) == set(sent)


def mixpanel_consumer(server: Server, kind: type[Any] = mixpanel.BufferedConsumer) -> Any:
    paths = {"events_url": "track", "people_url": "engage", "groups_url": "groups", "import_url": "import"}
    return kind(**{name: f"{server.url}/{path}" for name, path in paths.items()})


def counts(team: Team) -> dict[str, int]:
    found = rows(
        "SELECT event, count(DISTINCT id)::int AS count FROM analytics_inbox WHERE project_id = %s GROUP BY 1",
        team.id,
    )
    return {row["event"]: row["count"] for row in found}


def test_mixpanels_python_client_loses_nothing_and_sends_nothing_twice(server: Server, team: Team) -> None:
    consumer = mixpanel_consumer(server)
    client = mixpanel.Mixpanel(team.write_key, consumer)
    for number in range(MANY):
        client.track("ana", "step", {"number": number})
    for day in range(100):
        client.import_data(None, "ana", "old step", 1_500_000_000 + day * 86_400, api_secret="a secret")
    client.merge(None, "ana", "laptop", api_secret="a secret")
    client.people_set("ana", {"plan": "pro"})
    client.people_set_once("ana", {"source": "news"})
    client.people_unset("ana", ["city"])
    client.group_set("company", "Acme", {"seats": 3})
    consumer.flush()
    assert len(set(ids(team))) == len(ids(team)) == MANY + 105
    assert ledger(team.id) == {"received": MANY + 105}
    assert counts(team) == {
        "step": MANY, "old step": 100, "$create_alias": 1, "$set": 3, "$groupidentify": 1,
    }  # fmt: skip
    (oldest,) = rows("SELECT min(timestamp) AS at FROM analytics_inbox WHERE project_id = %s", team.id)
    assert oldest["at"].timestamp() == 1_500_000_000


def test_mixpanels_client_with_a_service_account(server: Server, team: Team) -> None:
    account = mixpanel.ServiceAccountCredentials("an account", "its secret", "4711")
    consumer = mixpanel.Consumer(import_url=f"{server.url}/import", credentials=account)
    mixpanel.Mixpanel(team.write_key, consumer).import_data(None, "ana", "old step", 1_500_000_000)
    assert counts(team) == {"old step": 1}


def test_mixpanels_client_hears_what_is_refused(server: Server, team: Team) -> None:
    client = mixpanel.Mixpanel(team.write_key, mixpanel_consumer(server, mixpanel.Consumer))
    with pytest.raises(mixpanel.MixpanelException, match=r"only \$set, \$set_once and \$unset are supported"):
        client.people_increment("ana", {"logins": 1})
    with pytest.raises(mixpanel.MixpanelException, match="reserved for Firsthand"):
        client.track("ana", "$comment")
    stranger = mixpanel.Mixpanel("nobody", mixpanel_consumer(server, mixpanel.Consumer))
    with pytest.raises(mixpanel.MixpanelException, match="no project has this write key"):
        stranger.track("ana", "step")


def test_mixpanels_client_across_a_restart(server: Server, team: Team) -> None:
    consumer = mixpanel_consumer(server)
    client = mixpanel.Mixpanel(team.write_key, consumer)

    def send(number: int) -> None:
        # The consumer keeps what it could not send.
        with suppress(mixpanel.MixpanelException):
            client.track("ana", "step", {"number": number})

    restarted_during(server, send)
    consumer.flush()
    assert counts(team) == {"step": MANY}


class Callbacks(list[int]):
    """The status that Amplitude's client reports for each event."""

    def __call__(self, event: BaseEvent, code: int, message: str | None = None) -> None:
        self.append(code)


def amplitude_client(
    server: Server, team: Team, path: str = "2/httpapi", **options: Any
) -> tuple[Any, Callbacks]:
    told = Callbacks()
    config = Config(server_url=f"{server.url}/{path}", callback=told, flush_interval_millis=50, **options)
    return Amplitude(team.write_key, config), told


def flush(client: Any, told: Callbacks, expected: int) -> None:
    """Until the client has reported on every event, retries included."""
    until = time.monotonic() + 60
    while len(told) < expected:
        assert time.monotonic() < until, f"{len(told)} of {expected} events are reported"
        client.flush()
        time.sleep(0.05)
    client.shutdown()


@pytest.mark.parametrize("path", ["2/httpapi", "batch"])
def test_amplitudes_python_client_loses_nothing_and_sends_nothing_twice(
    server: Server, team: Team, path: str
) -> None:
    client, told = amplitude_client(server, team, path)
    options = EventOptions(user_id="ana", device_id="laptop")
    client.identify(Identify().set("plan", "pro").set_once("source", "news").unset("city"), options)
    client.group_identify("company", "Acme", Identify().set("seats", 3))
    client.set_group("company", "Acme", options)
    client.revenue(Revenue(price=9.5, quantity=2, product_id="pro"), options)
    for number in range(MANY):
        client.track(BaseEvent("step", user_id="ana", event_properties={"number": number}))
    flush(client, told, MANY + 4)
    assert set(told) == {200}
    assert len(set(ids(team))) == len(ids(team)) == MANY + 4
    assert ledger(team.id) == {"received": MANY + 4}
    assert counts(team) == {"step": MANY, "$identify": 2, "$groupidentify": 1, "revenue_amount": 1}


def test_amplitudes_client_hears_what_is_refused_and_sends_the_rest_again(server: Server, team: Team) -> None:
    client, told = amplitude_client(server, team)
    for number in range(20):
        client.track(BaseEvent("step", user_id="ana", event_properties={"number": number}))
    client.identify(Identify().add("logins", 1), EventOptions(user_id="ana"))
    client.track(BaseEvent("$comment", user_id="ana"))
    flush(client, told, 22)
    assert sorted(told) == [200] * 20 + [400] * 2
    assert counts(team) == {"step": 20}


def test_amplitudes_client_across_a_restart(server: Server, team: Team) -> None:
    client, told = amplitude_client(server, team, flush_max_retries=1_000)
    restarted_during(server, lambda _: client.track(BaseEvent("step", user_id="ana")))
    flush(client, told, MANY)
    assert counts(team) == {"step": MANY}
