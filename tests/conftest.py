"""One real PostgreSQL and one lake for the whole run (one of each per worker); one fresh project per test.

Nothing is rolled back or truncated: rows of one project never meet another's, which is itself a promise under test.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from psycopg.conninfo import make_conninfo
from pytest_django.plugin import DjangoDbBlocker

from tests import people


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
    django_db_createdb: bool,
) -> Iterator[None]:
    """The run's database, for all tests alike: pytest-django's own makes one only where a test carries its mark."""
    keep = django_db_keepdb and not django_db_createdb
    with django_db_blocker.unblock():
        configured = setup_databases(verbosity=0, interactive=False, keepdb=keep)
    _point_everyone_at(connection.settings_dict)
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            teardown_databases(configured, verbosity=0)


def _point_everyone_at(database: dict[str, Any]) -> None:
    """What reads DATABASE_URL itself (the lean ingest, child processes) meets the run's database too."""
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {name: database[setting] for name, setting in names.items() if database[setting]}
    os.environ["DATABASE_URL"] = make_conninfo(**given)


@pytest.fixture(autouse=True)
def _database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def team() -> people.Team:
    return people.assemble()


@pytest.fixture(scope="session")
def home() -> Path:
    return Path(os.environ["FIRSTHAND_HOME"])
