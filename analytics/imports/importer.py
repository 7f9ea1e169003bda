"""Imports a file of events through ingest, in batches, and reports what was rejected."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import IO, NamedTuple

import httpx
from django.db.models import Sum

from analytics.imports.formats import Format, LineRejectedError
from analytics.imports.parsing import Line, lines
from analytics.imports.report import ImportReport
from analytics.ingest.local import LocalIngest
from analytics.ingest.routes import MAX_LISTED
from analytics.models import LedgerEntry
from analytics.pipeline import PipelineReport, until_idle
from projects.keys import newest_write_key
from projects.models import Project

BATCH = MAX_LISTED
"""Lines per request, so that the response lists all that were rejected."""

MAX_ATTEMPTS = 60


class ImportStoppedError(Exception):
    """The import cannot continue. What was sent is kept; a second import of the same file adds no duplicates."""


class ValidLine(NamedTuple):
    number: int
    event: bytes


Progress = Callable[[ImportReport], None]


def import_history(form: Format, stream: IO[bytes], project: Project, *, progress: Progress) -> ImportReport:
    """Send every line, then run the pipeline until everything is counted. Memory does not grow with the file.

    Raises BrokenFileError or ImportStoppedError. What was sent until then is kept.
    """
    report, before = ImportReport(), _ledger_counts(project)
    send(form, stream, project, report, progress=progress)
    until_idle(lambda done: progress(_with_progress(report, done)))
    after = _ledger_counts(project)
    report.stored = after.get("stored", 0) - before.get("stored", 0)
    report.duplicates = after.get("duplicate", 0) - before.get("duplicate", 0)
    return report


def _with_progress(report: ImportReport, done: PipelineReport) -> ImportReport:
    """Preliminary counts while the pipeline runs. They include other projects."""
    report.stored, report.duplicates = done.stored, done.duplicates
    return report


def send(
    form: Format, stream: IO[bytes], project: Project, report: ImportReport, *, progress: Progress
) -> None:
    key = newest_write_key(project)
    if key is None:
        raise ImportStoppedError(f"{project} has no write key; create one in its settings")
    # A history names users without tokens, and whoever may run this command may write anything.
    with LocalIngest(trusted=True) as ingest:
        for batch in _batches(_valid_lines(form, stream, report), form.max_bytes):
            body = form.request([line.event for line in batch])
            _add_response(report, batch, _post(ingest, form.path, body, key))
            progress(report)


def _valid_lines(form: Format, stream: IO[bytes], report: ImportReport) -> Iterator[ValidLine]:
    """The lines to send. Invalid ones are added to the report with their number."""
    for line in lines(stream, limit=form.max_bytes):
        report.lines += 1
        try:
            yield ValidLine(line.number, _read(form, line))
        except LineRejectedError as rejected:
            report.reject(line.number, rejected.reason, rejected.message)


def _read(form: Format, line: Line) -> bytes:
    if line.data is None:
        raise LineRejectedError(
            "too_large", f"longer than {form.max_bytes:,} bytes; send less in its properties"
        )
    return form.read(line.data)


def _batches(valid_lines: Iterator[ValidLine], max_bytes: int) -> Iterator[list[ValidLine]]:
    batch, size = list[ValidLine](), 0
    for line in valid_lines:
        if batch and (len(batch) == BATCH or size + len(line.event) > max_bytes):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.event) + 1
    if batch:
        yield batch


def _post(ingest: LocalIngest, path: str, body: bytes, key: str) -> httpx.Response:
    """Post one batch. Retries while ingest is full. Any other error would repeat for every later batch, so it stops."""
    for _ in range(MAX_ATTEMPTS):
        response = ingest.post(path, body, key=key)
        if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(float(response.headers.get("Retry-After", 1)))
    if response.status_code != HTTPStatus.OK:
        raise ImportStoppedError(f"ingest answered {response.status_code}: {response.text[:300]}")
    return response


def _add_response(report: ImportReport, batch: list[ValidLine], response: httpx.Response) -> None:
    answer = response.json()
    for rejected in answer.get("rejected", []):
        report.reject(batch[rejected["index"]].number, rejected["reason"], rejected["message"])
    report.warnings.update(warning["reason"] for warning in answer.get("warnings", []))


def _ledger_counts(project: Project) -> dict[str, int]:
    entries = LedgerEntry.objects.filter(project_id=project.pk).values_list("outcome")
    return dict(entries.annotate(Sum("count")))
