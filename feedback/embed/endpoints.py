"""Public endpoints by path, for clients with a write key. config/asgi.py passes them to ingest."""

from typing import Any

from analytics.record import COMMENT_EVENT
from analytics.record.visitors import VisitorEndpoint
from feedback.embed import comment_form

ENDPOINTS: dict[str, VisitorEndpoint[Any]] = {
    "/v1/comments": VisitorEndpoint(COMMENT_EVENT, comment_form.read, comment_form.handle),
}
