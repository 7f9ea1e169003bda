"""One front for all tests of the visitors' door."""

from collections.abc import Iterator

import pytest

from analytics.ingest.local import LocalIngest
from tests.feedback.embed.sending import front


@pytest.fixture(scope="session")
def door(django_db_setup: None) -> Iterator[LocalIngest]:
    with front() as local:
        yield local
