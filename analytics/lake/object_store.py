"""Checks and reads the object store when FIRSTHAND_LAKE_URL is a URL such as s3://bucket/prefix.

Credentials and endpoint come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...), as for deltalake.
deltalake could read files too, but it holds the GIL meanwhile and would block ingest in the same process.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from config import env

if TYPE_CHECKING:
    # Imported at run time only where it is needed: it takes 8 MB per process, and most lakes are in a folder.
    from obstore.store import ObjectStore

CHUNK = 8 << 20
"""Bytes per read."""

TIMEOUT = dt.timedelta(seconds=3)
"""For each of two attempts to reach the store."""

HINTS = {
    "NoSuchBucket": "the bucket does not exist; create it, or correct FIRSTHAND_LAKE_URL",
    "latest/api/token": "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "InvalidAccessKeyId": "the store does not know this access key; check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong; check AWS_SECRET_ACCESS_KEY",
    "AccessDenied": "the access key may not read the bucket; check its policy",
    "builder error": "the endpoint uses plain HTTP; to allow that, set AWS_ALLOW_HTTP=true",
    "Unable to recognise URL": "FIRSTHAND_LAKE_URL is not a supported store; write it like s3://bucket/prefix",
}
"""Parts of the store's or the client's messages, and what to do about them."""

DEFAULT_HINT = "check FIRSTHAND_LAKE_URL, AWS_ENDPOINT_URL and AWS_REGION"


class LakeUnreachableError(Exception):
    """The store cannot be reached or read. The message has its answer and the setting to check."""


def remote() -> bool:
    """Whether the lake is in an object store rather than in a folder."""
    return "://" in settings.LAKE_URL


def reach() -> None:
    """Request one listing. Raises LakeUnreachableError within seconds when that fails."""
    from obstore import list_with_delimiter
    from obstore.store import from_url

    http = env.boolean("AWS_ALLOW_HTTP")
    with _reported():
        store = from_url(
            settings.LAKE_URL,
            client_options={"timeout": TIMEOUT, "connect_timeout": TIMEOUT, "allow_http": http},
            retry_config={"max_retries": 1, "retry_timeout": TIMEOUT},
        )
        # Lists one folder only. A full listing of a large lake could exceed the timeout.
        list_with_delimiter(store)


def read(path: str) -> Iterator[memoryview]:
    """A lake file, in chunks. `path` is relative to the lake's URL."""
    from obstore import get

    with _reported():
        for chunk in get(_store(settings.LAKE_URL), path).stream(min_chunk_size=CHUNK):
            yield memoryview(chunk)


def write(path: str, file: Path) -> None:
    """A local file as a lake file, in parts. `path` is relative to the lake's URL."""
    from obstore import put

    with _reported():
        put(_store(settings.LAKE_URL), path, file, chunk_size=CHUNK)


# Kept: a new client per file would open new connections and load the credentials again.
@lru_cache(maxsize=1)
def _store(address: str) -> "ObjectStore":
    from obstore.store import from_url

    return from_url(address)


@contextmanager
def _reported() -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        # The message repeats itself as Rust's debug output after its first paragraph.
        detail = str(error).partition("\n\nDebug source")[0].strip()
        hint = next((hint for sign, hint in HINTS.items() if sign in detail), DEFAULT_HINT)
        raise LakeUnreachableError(f"{settings.LAKE_URL} cannot be reached: {hint} ({detail})") from error
