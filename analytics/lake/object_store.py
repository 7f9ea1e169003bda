"""The object store that the lake lies in when FIRSTHAND_LAKE_URL is an address (s3://...): reaching it, reading files.

Credentials and endpoint come from the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...), as deltalake has them.
deltalake reads files, too, but holds the interpreter's lock meanwhile: ingest in the same process would stand still.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from config import env

if TYPE_CHECKING:
    # At run time it is loaded where it is needed: most lakes lie in a folder, and it takes 8 MB of every process.
    from obstore.store import ObjectStore

PIECE = 8 << 20
"""Bytes that a file is fetched by."""

PATIENCE = dt.timedelta(seconds=3)
"""How long each of two attempts to reach the store may take."""

HINTS = {
    "NoSuchBucket": "there is no such bucket; make it, or correct FIRSTHAND_LAKE_URL",
    "latest/api/token": "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "InvalidAccessKeyId": "the store does not know this key; look at AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the key's secret is wrong; look at AWS_SECRET_ACCESS_KEY",
    "AccessDenied": "the key may not read the bucket; look at its policy",
    "builder error": "its endpoint speaks plain HTTP, which is only spoken with AWS_ALLOW_HTTP=true",
    "Unable to recognise URL": "FIRSTHAND_LAKE_URL names no kind of store that is known, such as s3://bucket/prefix",
}
"""What the store or its client says, and what it means here."""

OTHERWISE = "look at FIRSTHAND_LAKE_URL, AWS_ENDPOINT_URL and AWS_REGION"


class LakeUnreachableError(Exception):
    """The store does not give what it was asked for; the message says what it said, and which setting to look at."""


def remote() -> bool:
    """Whether the lake lies at an address of its own rather than in a folder."""
    return "://" in settings.LAKE_URL


def reach() -> None:
    """Ask the store for one listing. Raises LakeUnreachableError, within seconds, when it does not answer with one."""
    from obstore import list_with_delimiter
    from obstore.store import from_url

    http = env.boolean("AWS_ALLOW_HTTP")
    with _answering():
        store = from_url(
            settings.LAKE_URL,
            client_options={"timeout": PATIENCE, "connect_timeout": PATIENCE, "allow_http": http},
            retry_config={"max_retries": 1, "retry_timeout": PATIENCE},
        )
        list_with_delimiter(store)


def read(path: str) -> Iterator[memoryview]:
    """A file of the lake piece by piece; its path is below the lake's address."""
    from obstore import get

    with _answering():
        for piece in get(_store(settings.LAKE_URL), path).stream(min_chunk_size=PIECE):
            yield memoryview(piece)


@lru_cache(maxsize=1)
def _store(address: str) -> "ObjectStore":
    from obstore.store import from_url

    return from_url(address)


@contextmanager
def _answering() -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        # After its first paragraph the message repeats itself as Rust's debugging output.
        said = str(error).partition("\n\nDebug source")[0].strip()
        hint = next((hint for sign, hint in HINTS.items() if sign in said), OTHERWISE)
        raise LakeUnreachableError(f"{settings.LAKE_URL} cannot be reached: {hint} ({said})") from error
