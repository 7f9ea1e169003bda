"""A database outage under load: every request succeeds, and every event is stored."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.home import lock, postgres
from config.home.layout import Home
from config.home.part import Part
from tests.chaos.conftest import LONG, Target, started
from tests.chaos.load import LoadGenerator
from tests.config.installation import Installation, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]

OUTAGE = 20.0 if LONG else 5.0
EVENTS = 20_000


class ExternalDatabaseInstallation(Installation):
    """An installation with an external database."""

    database_url: str = ""

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(DATABASE_URL=self.database_url, **more)


@pytest.fixture
def database(folder: Path) -> Iterator[Home]:
    home = Home(folder / "database")
    with lock.hold(home, "test"):
        yield home


@pytest.fixture
def server(database: Home) -> Iterator[Part]:
    postgres.prepare(database)
    part = postgres.server_part(database)
    part.start()
    postgres.wait_until_ready(database, part)
    yield part
    part.stop()


@pytest.fixture
def target(folder: Path, database: Home, server: Part) -> Iterator[Target]:
    installation = ExternalDatabaseInstallation(folder / "home")
    installation.database_url = database.database_url
    yield started(installation)
    installation.signal(signal.SIGTERM)


def outage(database: Home, server: Part) -> None:
    time.sleep(1)
    server.stop()
    time.sleep(OUTAGE)
    postgres.prepare(database)
    server.start()
    postgres.wait_until_ready(database, server)


def test_no_request_fails_and_nothing_is_lost(target: Target, database: Home, server: Part) -> None:
    batches = EVENTS / 46  # the mean of load.BATCH_SIZES
    load = LoadGenerator(target.url, target.write_key, pace=(OUTAGE + 3) * 4 / batches)
    sending = threading.Thread(target=load.run, args=(EVENTS,))
    sending.start()
    outage(database, server)
    sending.join()
    eventually(lambda: target.counted() >= EVENTS, f"{EVENTS} events to be stored", 120)

    assert load.retries == 0
    ids = target.ids()
    assert len(ids) == len(set(ids))
    assert set(ids) == load.acknowledged
    doctor = target.installation.manage("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
