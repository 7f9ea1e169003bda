"""JSON request bodies, limited in size and depth."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from config.limits import MAX_BODY


class TooLargeError(APIException):
    """The body is larger than MAX_BODY bytes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"the body is larger than {MAX_BODY:,} bytes"


class JSONBody(BaseParser):
    """Parses `application/json`. Raises TooLargeError and ParseError."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        # One byte more than allowed, so that a body of any size is never read whole.
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLargeError
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise ParseError(f"the body is not valid JSON: {error}") from error
        except RecursionError as error:
            raise ParseError("the body is nested too deeply") from error
