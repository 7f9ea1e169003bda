"""A time limit for reading bodies that costs a request under a microsecond; asyncio.timeout() costs it ten."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

Result = TypeVar("Result")
CHECKS = 20
"""Checks while a limit runs, so a body may take a twentieth longer."""


class BodyTimer:
    """Cancels what reads for longer than `seconds`, for one event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # In the order of their start, so that a check looks at the first ones only.
        self._started: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._check_is_due = False

    async def run(self, reading: Coroutine[Any, Any, Result]) -> Result:
        """Raises TimeoutError after `seconds`."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._started[task] = time.monotonic()
        if not self._check_is_due:
            self._schedule()
        try:
            return await reading
        except asyncio.CancelledError:
            if task not in self._overdue:
                raise
            # Otherwise the task's next asyncio.timeout() would take this cancellation for one from outside.
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._started[task]
            self._overdue.discard(task)

    def _schedule(self) -> None:
        self._check_is_due = True
        asyncio.get_running_loop().call_later(self.seconds / CHECKS, self._check)

    def _check(self) -> None:
        latest = time.monotonic() - self.seconds
        for task, started in self._started.items():
            if started > latest:
                break
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._check_is_due = False
        if self._started:
            self._schedule()
