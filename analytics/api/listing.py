"""One way out for every list: a JSON page, or a stream of NDJSON or CSV of any length in flat memory."""

import asyncio
import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from msgspec import Struct, json, structs
from rest_framework.request import Request

from analytics.api.negotiation import MEDIA_TYPES, format_of

BATCH = 2_000
CURSOR_HEADER = "X-Next-Cursor"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
FORMATS = ("json", "ndjson", "csv")

encoder = json.Encoder()


class Source(Protocol):
    """Rows from a place to an end that was fixed when the source was made: what is added later comes after `end`."""

    @property
    def name(self) -> str:
        """What the rows are called in a JSON page and in a file's name."""

    @property
    def row(self) -> type[Struct]:
        """The struct whose fields are the columns of CSV."""

    def take(self, limit: int) -> Sequence[Struct]:
        """The next rows; fewer than `limit` only when there are no more."""

    @property
    def place(self) -> str | None:
        """The cursor after everything that was taken."""

    @property
    def end(self) -> str | None:
        """The cursor after everything that will be."""


def respond(request: Request, source: Source, asked: str | None, limit: int) -> HttpResponseBase:
    """`asked` is the parameter `format`, if it was given; `limit` counts for JSON pages only."""
    return ANSWERS[format_of(request, asked)](source, limit)


def respond_one(request: Request, thing: Struct, asked: str | None) -> HttpResponse:
    """One thing: itself as JSON, one line of NDJSON, or a CSV of one row."""
    name = format_of(request, asked)
    bodies = {
        "json": lambda: encoder.encode(thing),
        "ndjson": lambda: encoder.encode_lines([thing]),
        "csv": lambda: _csv_rows([type(thing).__struct_fields__]) + _csv_rows([_cells(thing)]),
    }
    return HttpResponse(bodies[name](), content_type=_content_type(name))


def _page(source: Source, limit: int) -> HttpResponse:
    rows = source.take(limit)
    body = {source.name: rows, "next": source.place, "more": len(rows) == limit}
    return HttpResponse(encoder.encode(body), content_type=_content_type("json"))


def _ndjson(source: Source, _limit: int) -> StreamingHttpResponse:
    return _stream("ndjson", source, (encoder.encode_lines(rows) for rows in _batches(source)))


def _csv(source: Source, _limit: int) -> StreamingHttpResponse:
    return _stream("csv", source, _csv_chunks(source))


ANSWERS: dict[str, Callable[[Source, int], HttpResponseBase]] = {
    "json": _page,
    "ndjson": _ndjson,
    "csv": _csv,
}


def _stream(name: str, source: Source, chunks: Iterator[bytes]) -> StreamingHttpResponse:
    """The cursor goes ahead in a header: it is known, and no line of the stream needs to be different."""
    response = StreamingHttpResponse(_from_thread(chunks), content_type=_content_type(name))
    response["Content-Disposition"] = f'attachment; filename="{source.name}.{name}"'
    if source.end is not None:
        response[CURSOR_HEADER] = source.end
    return response


async def _from_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each chunk is read when the client has taken the one before; Django would collect a plain iterator whole."""
    while (chunk := await asyncio.to_thread(_next, chunks)) is not None:
        yield chunk


def _next(chunks: Iterator[bytes]) -> bytes | None:
    try:
        return next(chunks, None)
    finally:
        # Back to the pool: a client that reads slowly must not hold one of few connections meanwhile.
        connection.close()


def _batches(source: Source) -> Iterator[Sequence[Struct]]:
    while rows := source.take(BATCH):
        yield rows
        if len(rows) < BATCH:
            return


def _csv_chunks(source: Source) -> Iterator[bytes]:
    yield _csv_rows([source.row.__struct_fields__])
    for rows in _batches(source):
        yield _csv_rows(_cells(row) for row in rows)


def _csv_rows(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(row: Struct) -> list[str]:
    return [_cell(value) for value in structs.astuple(row)]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            # A spreadsheet would run a text that begins like this as a formula.
            return f"'{value}" if value.startswith(FORMULA) else value
        case bool() | list() | dict() | msgspec.Raw() | Struct():
            return encoder.encode(value).decode()
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _content_type(name: str) -> str:
    return MEDIA_TYPES[name] + ("; charset=utf-8" if name == "csv" else "")
