import pytest
from django.test import Client

from tests.analytics.console.pages import signed_in
from tests.people import Team


@pytest.fixture
def ana(team: Team) -> Client:
    """The owner's browser."""
    return signed_in(team.ana)
