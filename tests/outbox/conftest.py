"""The outbox with a kind of its own, and receivers on loopback allowed."""

import pytest
from pytest_django import Settings

from tests.outbox.greetings import KINDS


@pytest.fixture(autouse=True)
def _greetings(settings: Settings) -> None:
    settings.OUTBOX_BUILDERS = settings.OUTBOX_BUILDERS | KINDS
    settings.WEBHOOK_PRIVATE = True
