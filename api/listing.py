"""List responses: a JSON page, or an NDJSON or CSV stream of any length in constant memory."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from msgspec import Struct, json, structs
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from api.auth import is_live, key_of
from api.negotiation import MEDIA_TYPES, format_of
from api.streams import Stream
from projects.models import Key

# Rows that a stream holds in memory, and how often it checks that its key was not revoked.
BATCH = 2_000
CURSOR_HEADER = "X-Next-Cursor"
# The full-width forms, too: spreadsheets in East Asian locales evaluate them.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
FORMATS = ("json", "ndjson", "csv")

encoder = json.Encoder()


class Source(Protocol):
    """Rows from a position to an end that is fixed when the source is created. Later rows come after `end`."""

    @property
    def name(self) -> str:
        """The key of the rows in a JSON page, also used as file name."""

    @property
    def row(self) -> type[Struct]:
        """The struct whose fields are the CSV columns."""

    def take(self, limit: int) -> Sequence[Struct]:
        """The next rows. Fewer than `limit` at the end, or when some were merged into others meanwhile."""

    @property
    def more(self) -> bool:
        """Whether there may be more rows."""

    @property
    def place(self) -> str | None:
        """The cursor after the rows taken so far: of the next page, and of the next sync after the last one."""

    @property
    def end(self) -> str | None:
        """The cursor after the last row of the source; None for lists without incremental sync."""


def respond(request: Request, source: Source, asked: str | None, limit: int) -> HttpResponseBase:
    """`asked` is the parameter `format`, if given. `limit` applies to JSON pages only."""
    return ANSWERS[format_of(request, asked)](request, source, limit)


def respond_one(request: Request, thing: Struct, asked: str | None) -> HttpResponse:
    """A single object as JSON, one NDJSON line, or CSV with one row."""
    name = format_of(request, asked)
    bodies = {
        "json": lambda: encoder.encode(thing),
        "ndjson": lambda: encoder.encode_lines([thing]),
        "csv": lambda: csv_rows([type(thing).__struct_fields__]) + csv_rows([_cells(thing)]),
    }
    return HttpResponse(bodies[name](), content_type=_content_type(name))


def _page(_request: Request, source: Source, limit: int) -> HttpResponse:
    rows = source.take(limit)
    # Null on the last page, which is how paginators of other tools recognize the end.
    body = {source.name: rows, "next": source.place if source.more else None, "more": source.more}
    if source.end is not None:
        body["since"] = source.place
    return HttpResponse(encoder.encode(body), content_type=_content_type("json"))


def _ndjson(request: Request, source: Source, _limit: int) -> HttpResponseBase:
    batches = _batches(source, key_of(request))
    return _stream(request, "ndjson", source, (encoder.encode_lines(rows) for rows in batches))


def _csv(request: Request, source: Source, _limit: int) -> HttpResponseBase:
    return _stream(request, "csv", source, _csv_chunks(source, key_of(request)))


ANSWERS: dict[str, Callable[[Request, Source, int], HttpResponseBase]] = {
    "json": _page,
    "ndjson": _ndjson,
    "csv": _csv,
}


def _stream(request: Request, name: str, source: Source, chunks: Iterator[bytes]) -> HttpResponseBase:
    """The cursor is sent as a header, so that every line of the stream has the same shape."""
    # HEAD gets headers only: rows that nobody reads would still be fetched.
    kind = _content_type(name)
    response: HttpResponseBase = (
        HttpResponse(content_type=kind)
        if request.method == "HEAD"
        else Stream(chunks, project=key_of(request).project_id, content_type=kind)
    )
    response["Content-Disposition"] = f'attachment; filename="{source.name}.{name}"'
    if source.end is not None:
        response[CURSOR_HEADER] = source.end
    return response


def _batches(source: Source, key: Key) -> Iterator[Sequence[Struct]]:
    while source.more:
        # An export may take hours. Revoking its key must end it.
        if not is_live(key):
            raise PermissionDenied("the key was revoked")
        yield source.take(BATCH)


def _csv_chunks(source: Source, key: Key) -> Iterator[bytes]:
    yield csv_rows([source.row.__struct_fields__])
    for rows in _batches(source, key):
        yield csv_rows(_cells(row) for row in rows)


def csv_rows(rows: Iterable[Iterable[str]]) -> bytes:
    return "".join(f"{','.join(map(_quoted, cells))}\r\n" for cells in rows).encode()


def _quoted(cell: str) -> str:
    # As csv.writer does, which copies character by character: 14 times as long for large events, and pages wait.
    special = '"' in cell or "," in cell or "\n" in cell or "\r" in cell
    return '"' + cell.replace('"', '""') + '"' if special else cell


def _cells(row: Struct) -> list[str]:
    return [_cell(value) for value in structs.astuple(row)]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            # CSV injection: spreadsheets run text that starts with these characters as a formula. Numbers are left
            # alone: -5 must stay a number.
            return f"'{value}" if value.startswith(FORMULA) else value
        case bool() | list() | dict() | msgspec.Raw() | Struct():
            return encoder.encode(value).decode()
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _content_type(name: str) -> str:
    # JSON is UTF-8 by definition. Without a charset, clients guess that of CSV.
    return MEDIA_TYPES[name] + ("; charset=utf-8" if name == "csv" else "")
