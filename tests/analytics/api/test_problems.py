"""Errors that nobody asks for: the database away, and our own faults."""

import json
import logging

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg import OperationalError as DriverError

from analytics.api.problems import MEDIA_TYPE, problem_response


def test_the_database_is_away() -> None:
    answer = problem_response(OperationalError("connection refused at 10.0.0.7"), {})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "10.0.0.7" not in json.dumps(answer.data)


def fail() -> None:
    raise RuntimeError("the secret of the house")


def test_our_own_fault_is_logged_with_its_trace_and_told_without(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError) as fault:
        fail()
    with caplog.at_level(logging.ERROR, logger="analytics.api.problems"):
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
    assert answer.json()["detail"] == f"there is nothing at {path}; /api/docs/ lists every address"
