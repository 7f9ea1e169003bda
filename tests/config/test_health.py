"""Health checks: /healthz and each part of /readyz."""

import datetime as dt
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from analytics.models import Heartbeat
from config.health import pool
from config.home import layout

AWAY = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(autouse=True)
def _here(settings: Settings, tmp_path: Path) -> None:
    """The database of the test run, a lake for this test, and a fresh heartbeat."""
    settings.DATABASE_URL = layout.database_url()
    settings.LAKE_URL = str(tmp_path)
    Heartbeat.objects.update_or_create(part="worker", defaults={"at": now()})


def test_healthz_does_not_need_the_database(settings: Settings) -> None:
    settings.DATABASE_URL = AWAY
    assert Client().get("/healthz").content == b"ok\n"


def test_it_is_not_ready_without_a_database(settings: Settings) -> None:
    settings.DATABASE_URL = AWAY
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert "Connection refused" in parts["database"]["detail"]
    assert not parts["worker"]["ready"]
    assert parts["lake"]["ready"]


def test_it_is_not_ready_when_the_last_heartbeat_is_old() -> None:
    Heartbeat.objects.update(at=now() - dt.timedelta(minutes=2))
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["worker"]["detail"].startswith(
        "last heartbeat 120 s ago; see logs/worker.log"
    )


def test_it_is_not_ready_before_the_first_heartbeat() -> None:
    Heartbeat.objects.all().delete()
    assert "no heartbeat yet" in Client().get("/readyz").json()["parts"]["worker"]["detail"]


def test_a_lake_that_is_a_file_is_not_ready(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("")
    settings.LAKE_URL = str(tmp_path / "lake")
    assert Client().get("/readyz").json()["parts"]["lake"]["ready"] is False


def test_it_is_not_ready_while_pages_wait_for_a_connection() -> None:
    connection.close()
    pages = pool()
    with ExitStack() as everything:
        for _ in range(pages.max_size):
            everything.enter_context(pages.connection())
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "connections of this process are in use" in answer.json()["parts"]["database"]["detail"]
    assert Client().get("/readyz").status_code == 200
