"""A bound on the memory of large bodies: in all, for one address and for one project."""

from collections import Counter
from collections.abc import Callable

from analytics.ingest.http import Request
from analytics.ingest.spool import RetryLaterError
from config.peers import network_of

MAX_BYTES = 96 << 20
MAX_SHARE = 24 << 20
"""Bytes of one address or of one project. More than the largest body, so that one of them always fits."""

LEAST = 128 << 10
"""What each counts at least. It bounds their number too, because all of them wait for one thread."""

ALL = None
Holder = str | int | None
"""An address, a project id, or ALL."""


class Hold:
    """What one request holds of the bound."""

    __slots__ = ("_bytes", "_holders", "_size")

    def __init__(self, held: Counter[Holder], address: str) -> None:
        self._bytes = held
        self._holders: list[Holder] = [ALL, address]
        self._size = 0

    def grow(self, size: int) -> None:
        """Hold `size` bytes, or as many as before if those are more. Raises RetryLaterError at a bound."""
        more = max(size, LEAST) - self._size
        if more > 0:
            self._take(self._holders, more)
            self._size += more

    def share(self, project_id: int) -> None:
        """Count the bytes for a project too. Raises RetryLaterError at its bound."""
        self._take([project_id], self._size)
        self._holders.append(project_id)

    def release(self) -> None:
        for holder in self._holders:
            self._bytes[holder] -= self._size
            # Otherwise the counter would grow by every address that ever sent a large body.
            if not self._bytes[holder]:
                del self._bytes[holder]

    def _take(self, holders: list[Holder], size: int) -> None:
        for holder in holders:
            if self._bytes[holder] + size > (MAX_BYTES if holder is ALL else MAX_SHARE):
                raise RetryLaterError("too many large requests are in progress")
        for holder in holders:
            self._bytes[holder] += size


class LargeBodies:
    """The large bodies that are being received, parsed or stored in this process."""

    def __init__(self, address: Callable[[Request], str]) -> None:
        self._address = address
        self._bytes: Counter[Holder] = Counter()

    def hold(self, request: Request, size: int) -> None:
        """Count the body of a request, which has grown to `size`. Raises RetryLaterError.

        The caller releases `request.hold` after the response.
        """
        if request.hold is None:
            request.hold = Hold(self._bytes, network_of(self._address(request)))
        request.hold.grow(size)
