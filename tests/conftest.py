"""One real PostgreSQL and one lake for the whole run (one of each per worker); one fresh project per test.

Nothing is rolled back: rows of one project never meet another's, which is itself a promise under test. Each module
begins with an empty installation, because work on all projects (a rebuild, an expiry) would take longer and longer.
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
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

from analytics.ingest.local import LocalIngest
from tests import emptying, journey, people


class ModuleScheduling(LoadGroupScheduling):  # type: ignore[misc]
    """A module's tests run in one process, in order, because they share histories. So do those of a named group."""

    def _split_scope(self, nodeid: str) -> str:
        return str(super()._split_scope(nodeid)).partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ModuleScheduling:
    config.option.loadscopereorder = False
    return ModuleScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Groups take longest. One that began last would run while the other process has nothing left to do.
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


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


@pytest.fixture(scope="module", autouse=True)
def _empty_installation(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        emptying.empty()


@pytest.fixture(scope="module")
def _module_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """For histories that a whole module asks about."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(autouse=True)
def _database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session", autouse=True)
def ingest(django_db_setup: None) -> Iterator[LocalIngest]:
    """The ingest that journeys send to."""
    with journey.ingest_for_all() as local:
        yield local


@pytest.fixture
def team() -> people.Team:
    return people.assemble()


@pytest.fixture(scope="session")
def home() -> Path:
    return Path(os.environ["FIRSTHAND_HOME"])
