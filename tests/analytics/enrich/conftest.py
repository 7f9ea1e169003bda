"""The inbox is shared by all projects. Each test here begins with an empty one, so reports cover its events only."""

import pytest

from analytics.enrich.batches import enrich


@pytest.fixture(autouse=True)
def _nothing_waits(_database: None) -> None:
    while enrich().claimed:
        pass
