"""The team's own browsers, and stories that many tests only look at."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from tests.analytics.console.pages import signed_in
from tests.people import Team

Browser = Callable[[User], Client]
Open = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def browser() -> Browser:
    """A signed-in browser of this user."""
    return signed_in


@pytest.fixture
def ana(team: Team) -> Client:
    """The owner's browser."""
    return signed_in(team.ana)


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Open:
    """The database, for fixtures that outlive a test: their stories are told once and looked at by a whole module."""
    return django_db_blocker.unblock
