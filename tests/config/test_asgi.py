"""The web worker's process, before it serves."""

import importlib
import signal
from collections.abc import Iterator

import pytest

from config import asgi


@pytest.fixture
def inherited() -> Iterator[list[int]]:
    """A handler for SIGTERM as a forked worker has it from its parent; what it was called with."""
    called: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    yield called
    signal.signal(signal.SIGTERM, before)


def test_a_stop_while_the_code_loads_is_not_lost_on_the_handler_of_the_parent(inherited: list[int]) -> None:
    importlib.reload(asgi)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_one_who_ignores_the_signal_goes_on_ignoring_it(inherited: list[int]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    importlib.reload(asgi)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
