"""Telling a story to the real ingest, as browsers would have."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from analytics.demo.diary import Call
from analytics.ingest.local import LocalIngest

BATCH = 250
"""Calls in one request: their contexts are long, and a batch may have 500 KB."""


class DemoRefusedError(Exception):
    """Ingest did not take a part of the story; the message says what it answered."""


def send(calls: Sequence[Call], write_key: str) -> Iterator[int]:
    """Yields how many calls are kept by now. Without `sentAt`: what is told happened long ago, by the right clock."""
    with LocalIngest() as ingest:
        for start in range(0, len(calls), BATCH):
            part = [call.wire for call in calls[start : start + BATCH]]
            response = ingest.post("/v1/batch", {"batch": part}, key=write_key)
            if response.status_code != HTTPStatus.OK or "rejected" in response.json():
                raise DemoRefusedError(f"ingest answered {response.status_code}: {response.text[:300]}")
            yield start + len(part)
