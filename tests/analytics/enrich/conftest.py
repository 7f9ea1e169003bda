"""All projects share the inbox and the quarantine. Each test here begins with empty ones."""

import pytest

from analytics.enrich.batches import enrich
from analytics.models import QuarantinedEvent, StageFailure


@pytest.fixture(autouse=True)
def _nothing_waits(_database: None) -> None:
    while enrich().claimed:
        pass
    QuarantinedEvent.objects.all().delete()
    StageFailure.objects.all().delete()
