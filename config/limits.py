"""Bounds that several applications keep. Standard library only, so that the lean ingest may read it."""

MAX_BODY = 1_000_000
"""Bytes of a request to Django (dashboard and export API). Ingest has its clients' own limits, per wire format."""
