"""What stories of several packages stand on: an engine, the team's browsers, histories told once for a whole module."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import duckdb
import ibis
import pytest
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from tests.analytics.console.pages import signed_in
from tests.people import Team

Open = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def engine() -> Iterator[ibis.BaseBackend]:
    """DuckDB in this process, as the product starts it: everything in UTC."""
    connection = ibis.duckdb.from_connection(duckdb.connect(config={"threads": 2}))
    connection.raw_sql("SET TimeZone = 'UTC'")
    yield connection
    connection.disconnect()


@pytest.fixture
def ana(team: Team) -> Client:
    """The owner's browser."""
    return signed_in(team.ana)


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Open:
    """The database, for fixtures that outlive a test: their stories are told once and looked at by a whole module."""
    return django_db_blocker.unblock
