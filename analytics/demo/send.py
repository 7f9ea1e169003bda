"""Sends the demo's calls through ingest."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from analytics.demo.diary import Call
from analytics.ingest.local import LocalIngest

BATCH = 250
"""Calls per request. Their contexts are long, and a request may have 500 KB."""


class DemoRejectedError(Exception):
    """Ingest rejected some of the calls. The message has its response."""


def send(calls: Sequence[Call], write_key: str) -> Iterator[int]:
    """Yields the number of calls sent so far."""
    with LocalIngest(trusted=True) as ingest:
        for start in range(0, len(calls), BATCH):
            # No `sentAt`: with it, ingest would correct the old timestamps by today's clock difference.
            part = [call.payload for call in calls[start : start + BATCH]]
            response = ingest.post("/v1/batch", {"batch": part}, key=write_key)
            if response.status_code != HTTPStatus.OK or "rejected" in response.json():
                raise DemoRejectedError(f"ingest answered {response.status_code}: {response.text[:300]}")
            yield start + len(part)
