"""Limits that several applications share. Standard library only, because ingest must not import Django."""

import resource

MAX_BODY = 1_000_000
"""Bytes of a request to Django (dashboard and export API). Ingest has its clients' own limits, per wire format."""

PORTION_BYTES = 4 << 20
"""Bytes of text that a JSON page, or one step of a stream, reads. The row that exceeds it is still read."""

STREAMS = 6
"""NDJSON and CSV exports that one web process sends at the same time: half of its database connections."""

STREAMS_PER_PROJECT = 4
"""Of these, how many may belong to one project, so that it cannot take the places of all others."""

STREAM_RETRY_SECONDS = 10
"""Retry-After of an export beyond these limits."""

STREAM_READS = 2
"""Streams of one web process that read and write out rows at the same time, each for another project."""

STALL_SECONDS = 30
"""How long a client may take to read the next part of a response (64 KB) before the connection is closed."""

LAKE_READS = 2
"""Reads of events in the lake that one web process makes at the same time. Others wait, for fractions of a second."""

EXPORT_READS = 1
"""Of these, how many may be for exports, so that pages do not wait behind all of them."""

QUESTIONS = 3
"""Questions that one web process computes at the same time. Cached and served answers do not count."""

QUESTIONS_PER_PROJECT = 2
"""Of these, how many may belong to one project."""

QUESTIONS_WAITING = 16
"""Questions that wait for a place in one web process. More get a 429 at once."""

QUESTION_WAIT_SECONDS = 10
"""How long a question waits for a place before it gets a 429."""

QUESTION_DISK = "8GB"
"""What the query engine may write to disk for a question that needs more than its memory."""

MAX_CONNECTIONS = 8192
"""Connections of one web process."""

RESERVED_FILES = 512
"""Files of a process that are not connections of clients: database, lake, logs and so on."""

MAX_FILES = 65_536


def raise_file_limit() -> None:
    """Let this process and its children open as many files as the system allows; most shells allow only 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def max_connections() -> int:
    """MAX_CONNECTIONS, or as many as this process may open files for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        MAX_CONNECTIONS
        if files == resource.RLIM_INFINITY
        else max(128, min(MAX_CONNECTIONS, files - RESERVED_FILES))
    )
