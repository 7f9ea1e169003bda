"""manage.py import: a history from a file, as if it had been sent when it happened."""  # noqa: N999 (the command is called import)

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from analytics.imports.formats import FORMATS
from analytics.imports.importer import ImportStoppedError, import_history
from analytics.imports.parsing import BrokenFileError
from analytics.imports.report import ImportReport
from projects.access import get_project
from projects.models import Project

SOME_REFUSED = 3


class Command(BaseCommand):
    help = (
        "Import a history: one event a line (NDJSON), gzip or not, - for stdin. Ends with 0 when every line was kept"
        " or known already, with 3 when some were refused, and with 1 when the import could not begin or had to stop."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("format", choices=sorted(FORMATS))
        parser.add_argument("file", help="a path, or - for standard input")
        parser.add_argument("--project", required=True, metavar="SLUG")

    def handle(self, *_: object, **options: Any) -> None:
        project, form = _project(options["project"]), FORMATS[options["format"]]
        try:
            with _opened(options["file"]) as stream, _shown(stream) as progress:
                report = import_history(form, stream, project, progress=progress)
        except (BrokenFileError, ImportStoppedError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        self.stdout.write("\n".join(_told(report, project)))
        if report.refused:
            sys.exit(SOME_REFUSED)


def _project(slug: str) -> Project:
    try:
        return get_project(slug)
    except Project.DoesNotExist:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(f"there is no project {slug!r}; there are: {known or 'none yet'}") from None


@contextlib.contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(name).open("rb")  # noqa: SIM115 (its errors are not those of who reads it)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error
    with stream:
        yield stream


@contextlib.contextmanager
def _shown(stream: IO[bytes]) -> Iterator[Callable[[ImportReport], None]]:
    """A bar over the file's bytes as they lie on disk; a pipe has no length, so its bar only moves."""
    columns = (
        TextColumn("Importing"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, place = bar.add_task("import", total=_length(stream), said=""), _place(stream)

        def show(report: ImportReport) -> None:
            bar.update(task, completed=place(), said=f"{report.lines:,} read, {report.stored:,} stored")

        yield show


def _length(stream: IO[bytes]) -> int | None:
    status = os.fstat(stream.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _place(stream: IO[bytes]) -> Callable[[], int | None]:
    return stream.tell if stream.seekable() else lambda: None


def _told(report: ImportReport, project: Project) -> Iterator[str]:
    refused = report.refused.total()
    yield f"{report.lines:,} lines: {report.stored:,} stored, {report.duplicates:,} known already, {refused:,} refused"
    if report.others:
        yield f"  {report.others:,} of these came from others, who sent to the project at the same time"
    yield from (f"  kept, but mended: {count:,} {reason}" for reason, count in report.mended.most_common())
    yield from (f"  refused: {count:,} {reason}" for reason, count in report.refused.most_common())
    yield from (f"    line {line.number:,}: {line.message}" for line in report.samples)
    if refused > len(report.samples):
        yield f"    and {refused - len(report.samples):,} more"
    yield f"See /projects/{project.slug}/people/"
