"""What visitors may send, by path: open to every page with a write key. config/asgi.py hands it to ingest."""

from typing import Any

from analytics.record import COMMENT_EVENT
from analytics.record.visitors import Endpoint
from feedback.embed import comment_form

ENDPOINTS: dict[str, Endpoint[Any]] = {
    "/v1/comments": Endpoint(COMMENT_EVENT, comment_form.read, comment_form.handle),
}
