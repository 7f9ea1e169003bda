"""Content negotiation: `?format=` first, then the Accept header."""

from collections.abc import Iterable

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches, order_by_precedence

from api.problems import MEDIA_TYPE

MEDIA_TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}


class Negotiation(BaseContentNegotiation):
    """`?format=` overrides Accept, so that a link in a browser works. Its value is checked with the parameters."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        offered = (
            parser for parser in parsers if media_type_matches(parser.media_type, request.content_type)
        )
        return next(offered, None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        formats: tuple[str, ...] = getattr(request.parser_context["view"], "formats", ("json",))
        wanted = request.META.get("HTTP_ACCEPT", "*/*")
        if "format" in request.query_params:
            wanted = "*/*"
        # Errors can always be sent: a client that accepts only problem+json must not get 406 instead of the error.
        offered = [*(MEDIA_TYPES[name] for name in formats), MEDIA_TYPE]
        for equals in order_by_precedence([part.strip() for part in wanted.split(",")]):
            for media_type in offered:
                if any(media_type_matches(accepted, media_type) for accepted in equals):
                    return next(iter(renderers)), media_type
        raise NotAcceptable(f"this endpoint answers as {', '.join(offered)}")


def format_of(request: Request, asked: str | None) -> str:
    named = {media_type: name for name, media_type in MEDIA_TYPES.items()}
    # A client that accepts only problem+json gets JSON when nothing is wrong.
    return asked or named.get(request.accepted_media_type or "", "json")
