"""Bringing in a history: its lines go through the real ingest in batches, and what was not taken is named."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import IO, NamedTuple

import httpx
from django.db.models import Sum

from analytics.imports.formats import Format, LineRefusedError
from analytics.imports.parsing import Line, lines
from analytics.imports.report import ImportReport
from analytics.ingest.local import LocalIngest
from analytics.models import LedgerEntry
from analytics.pipeline import PipelineReport, until_idle
from projects.keys import newest_write_key
from projects.models import Project

BATCH = 1_000
PATIENCE = 60


class ImportStoppedError(Exception):
    """The import cannot go on. What was sent before is kept, and sending it again adds nothing."""


class Readable(NamedTuple):
    number: int
    event: bytes


Progress = Callable[[ImportReport], None]


def import_history(form: Format, stream: IO[bytes], project: Project, *, progress: Progress) -> ImportReport:
    """Send every line, then run the pipeline until all of it is counted; memory does not grow with the file.

    Raises BrokenFileError or ImportStoppedError; what was read until then is kept.
    """
    report, before = ImportReport(), _books(project)
    send(form, stream, project, report, progress=progress)
    until_idle(lambda done: progress(_so_far(report, done)))
    after = _books(project)
    report.stored = after.get("stored", 0) - before.get("stored", 0)
    report.duplicates = after.get("duplicate", 0) - before.get("duplicate", 0)
    return report


def _so_far(report: ImportReport, done: PipelineReport) -> ImportReport:
    """While the pipeline runs, its own counts will do, though they are of all projects."""
    report.stored, report.duplicates = done.stored, done.duplicates
    return report


def send(
    form: Format, stream: IO[bytes], project: Project, report: ImportReport, *, progress: Progress
) -> None:
    key = newest_write_key(project)
    if key is None:
        raise ImportStoppedError(f"{project} has no write key; make one in its settings")
    with LocalIngest() as ingest:
        for batch in _batches(_readable(form, stream, report), form.max_bytes):
            body = form.request([line.event for line in batch])
            _note(report, batch, _post(ingest, form.path, body, key))
            progress(report)


def _readable(form: Format, stream: IO[bytes], report: ImportReport) -> Iterator[Readable]:
    """The lines that may be sent; the others are refused here, by their number."""
    for line in lines(stream, limit=form.max_bytes):
        report.lines += 1
        try:
            yield Readable(line.number, _read(form, line))
        except LineRefusedError as refused:
            report.refuse(line.number, refused.reason, refused.message)


def _read(form: Format, line: Line) -> bytes:
    if line.data is None:
        raise LineRefusedError(
            "too_large", f"longer than {form.max_bytes:,} bytes; send less in its properties"
        )
    return form.read(line.data)


def _batches(readable: Iterator[Readable], max_bytes: int) -> Iterator[list[Readable]]:
    batch, size = list[Readable](), 0
    for line in readable:
        if batch and (len(batch) == BATCH or size + len(line.event) > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.event) + 1
    if batch:
        yield batch


def _post(ingest: LocalIngest, path: str, body: bytes, key: str) -> httpx.Response:
    """Waits while ingest has no room; anything else than a 200 would be the same for every later batch."""
    for _ in range(PATIENCE):
        response = ingest.post(path, body, key=key)
        if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(float(response.headers.get("Retry-After", 1)))
    if response.status_code != HTTPStatus.OK:
        raise ImportStoppedError(f"ingest answered {response.status_code}: {response.text[:300]}")
    return response


def _note(report: ImportReport, batch: list[Readable], response: httpx.Response) -> None:
    answer = response.json()
    for rejected in answer.get("rejected", []):
        report.refuse(batch[rejected["index"]].number, rejected["reason"], rejected["message"])
    report.mended.update(warning["reason"] for warning in answer.get("warnings", []))


def _books(project: Project) -> dict[str, int]:
    entries = LedgerEntry.objects.filter(project_id=project.pk).values_list("outcome")
    return dict(entries.annotate(Sum("count")))
