"""Limits that several applications share. Standard library only, because ingest must not import Django."""

MAX_BODY = 1_000_000
"""Bytes of a request to Django (dashboard and export API). Ingest has its clients' own limits, per wire format."""
