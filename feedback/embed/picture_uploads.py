"""POST /v1/pictures: a file as the body, or a form with one file."""

import io
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict

from analytics.record.visitors import InvalidFieldError, Reply, Visit, VisitorError
from feedback import browsers, pictures
from feedback.embed.thread_endpoints import signed_in
from feedback.models import Picture
from feedback.pictures import MAX_IMAGE_BYTES, PictureError

MAX_BODY = MAX_IMAGE_BYTES + (64 << 10)
"""Bytes of a request: the largest image, and the form around it."""


class Upload(NamedTuple):
    """A file and its fields. Its name and its type are not looked at."""

    fields: Mapping[str, str]
    content: bytes


def read(body: bytes) -> bytes:
    return body


def handle(visit: Visit, body: bytes) -> Reply:
    signed_in(visit)
    upload = (
        _multipart(visit, body) if visit.content_type.startswith("multipart/") else Upload(visit.query, body)
    )
    browser = browsers.remember(visit.caller, f"browser-{visit.caller.browser[:32]}")
    try:
        stored = pictures.store(
            visit.caller, browser, message_id=_message_id(upload), kind=_kind(upload), content=upload.content
        )
    except PictureError as error:
        raise VisitorError(422, "picture_refused", str(error)) from None
    return Reply(201 if stored.is_new else 200, {"id": str(stored.picture.message_id)})


def _multipart(visit: Visit, body: bytes) -> Upload:
    meta = {"CONTENT_TYPE": visit.content_type, "CONTENT_LENGTH": str(len(body))}
    try:
        fields, files = MultiPartParser(meta, io.BytesIO(body), [_InMemory()]).parse()
    except (MultiPartParserError, ValueError) as error:
        raise InvalidFieldError("", f"the form cannot be read: {error}") from None
    found = _only(files)
    return Upload({**visit.query, **{name: str(value) for name, value in fields.items()}}, found)


class _InMemory(MemoryFileUploadHandler):
    """Never a temporary file: the body is in memory already, and bounded."""

    def handle_raw_input(self, *args: object, **more: object) -> None:
        self.activated = True


def _only(files: MultiValueDict[str, object]) -> bytes:
    found = [each for _, listed in files.lists() for each in listed]
    if len(found) != 1:
        raise InvalidFieldError("", f"a form must have one file, and this one has {len(found)}")
    content: bytes = found[0].read()  # type: ignore[attr-defined]
    return content


def _message_id(upload: Upload) -> uuid.UUID:
    try:
        return uuid.UUID(upload.fields.get("messageId", ""))
    except ValueError:
        raise InvalidFieldError("messageId", "not a UUID; make one for each picture") from None


def _kind(upload: Upload) -> Picture.Kind:
    try:
        return Picture.Kind(upload.fields.get("kind", ""))
    except ValueError:
        raise InvalidFieldError("kind", f"write one of {', '.join(Picture.Kind.values)}") from None
