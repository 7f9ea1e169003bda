import pytest

from tests.analytics.api.client import Api
from tests.people import Team


@pytest.fixture
def api(team: Team) -> Api:
    return Api(team.api_key)
