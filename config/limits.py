"""Limits that several applications share. Standard library only, because ingest must not import Django."""

MAX_BODY = 1_000_000
"""Bytes of a request to Django (dashboard and export API). Ingest has its clients' own limits, per wire format."""

STREAMS = 6
"""NDJSON and CSV exports that one web process sends at the same time: half of its database connections."""

STREAMS_PER_PROJECT = 4
"""Of these, how many may belong to one project, so that it cannot take the places of all others."""

STREAM_RETRY_SECONDS = 10
"""Retry-After of an export beyond these limits."""

STALL_SECONDS = 30
"""How long a client may take to read the next part of a response (64 KB) before the connection is closed."""
