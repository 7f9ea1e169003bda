"""How a script of Ana's reads the export API: with a key, over HTTP, as the server answers it."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import msgspec
from asgiref.sync import async_to_sync
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client

ROOT = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `chunks` are the pieces in which it came."""

    status: int
    headers: dict[str, str]
    chunks: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def lines(self) -> list[Any]:
        return [msgspec.json.decode(line) for line in self.body.splitlines()]

    @property
    def table(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.body.decode(), newline="")))


@dataclass(frozen=True, slots=True)
class Api:
    """One key's view of the API."""

    key: str

    def get(self, path: str, **query: Any) -> Answer:
        """As a browser's or curl's GET; `from_` is the parameter `from`."""
        return async_to_sync(self._get)(path, {name.rstrip("_"): value for name, value in query.items()})

    def rows(self, path: str, name: str | None = None, **query: Any) -> list[Any]:
        """All rows by JSON pages, from one `next` to the next."""
        found: list[Any] = []
        while True:
            answer = self.get(path, **query)
            assert answer.status == 200, answer.body
            found += answer.json[name or path]
            if answer.json["next"] is None:
                return found
            query["since"] = answer.json["next"]

    def post(self, path: str, body: Any) -> Answer:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        answer = Client().post(ROOT + path, content, content_type="application/json", headers=self._headers)
        return Answer(answer.status_code, dict(answer.headers), [answer.content])

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

    async def _get(self, path: str, query: dict[str, Any]) -> Answer:
        answer: Any = await AsyncClient().get(ROOT + path, query, headers=self._headers)
        return Answer(answer.status_code, dict(answer.headers), await _chunks(answer))


async def _chunks(answer: HttpResponse | StreamingHttpResponse) -> list[bytes]:
    if isinstance(answer, StreamingHttpResponse):
        return [chunk async for chunk in answer]
    return [answer.content]
