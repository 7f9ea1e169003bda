"""The team's own browsers."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.analytics.console.pages import signed_in

Browser = Callable[[User], Client]


@pytest.fixture
def browser() -> Browser:
    """A signed-in browser of this user."""
    return signed_in
