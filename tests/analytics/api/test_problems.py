"""Errors that nobody asks for: the database away, and our own faults."""

import json
import logging
from pathlib import Path

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg import OperationalError as DriverError
from pytest_django.fixtures import Settings

from analytics.lake.columns import EVENTS
from api.problems import MEDIA_TYPE, problem_response
from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team


def test_the_database_is_away() -> None:
    answer = problem_response(OperationalError("connection refused at 10.0.0.7"), {})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "10.0.0.7" not in json.dumps(answer.data)


def test_a_lake_that_cannot_be_read(
    team: Team, api: Api, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "lake" / EVENTS.name / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("no log at all")
    Journey(team).track("ana", "signup").enriched()
    settings.LAKE_URL = str(tmp_path / "lake")
    with caplog.at_level(logging.ERROR, logger="api.problems"):
        answer = api.get("events", property="plan:is:pro")
    assert answer.status == 503
    assert "doctor" in answer.json["detail"]
    assert "the lake cannot be read" in caplog.text


def fail() -> None:
    raise RuntimeError("the secret of the house")


def test_our_own_fault_is_logged_with_its_trace_and_told_without(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError) as fault:
        fail()
    with caplog.at_level(logging.ERROR, logger="api.problems"):
        answer = problem_response(fault.value, {})

    assert (answer.status_code, answer.content_type) == (500, MEDIA_TYPE)
    assert "secret" not in json.dumps(answer.data)
    assert "the secret of the house" in caplog.text
    assert "Traceback" in caplog.text


def test_a_driver_s_own_error_is_no_outage_to_us() -> None:
    """Django wraps the driver's errors; an unwrapped one comes from code that goes around Django: our fault."""
    assert problem_response(DriverError("x"), {}).status_code == 500


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v1/people/ana/timeline", "/api/v2/events", "/api/v1/events/"]
)
def test_an_address_that_is_nobody_s(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.json()["detail"] == f"there is no endpoint {path}; see /api/docs/"
