"""`manage.py import`: imports events from a file, with their own timestamps."""  # noqa: N999 (the command is called import)

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

SOME_REJECTED = 3


class Command(BaseCommand):
    help = (
        "Import events from a file: one event per line (NDJSON), plain or gzip, - for stdin. Exits with 0 when every"
        " line was stored or is a duplicate, with 3 when some lines were rejected, and with 1 when the import failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("format", choices=sorted(FORMATS))
        parser.add_argument("file", help="a path, or - for standard input")
        parser.add_argument("--project", required=True, metavar="SLUG")

    def handle(self, *_: object, **options: Any) -> None:
        project, form = _project(options["project"]), FORMATS[options["format"]]
        try:
            with _open(options["file"]) as stream, _progress_bar(stream) as progress:
                report = import_history(form, stream, project, progress=progress)
        except (BrokenFileError, ImportStoppedError) as error:
            raise CommandError(f"{options['file']}: {error}") from error
        self.stdout.write("\n".join(_summary(report, project)))
        if report.rejected:
            sys.exit(SOME_REJECTED)


def _project(slug: str) -> Project:
    try:
        return get_project(slug)
    except Project.DoesNotExist:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(f"there is no project {slug!r}; there are: {known or 'none yet'}") from None


@contextlib.contextmanager
def _open(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(name).open("rb")  # noqa: SIM115 (errors of opening must not be mixed up with errors of the code inside the with)
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}") from error
    with stream:
        yield stream


@contextlib.contextmanager
def _progress_bar(stream: IO[bytes]) -> Iterator[Callable[[ImportReport], None]]:
    """A progress bar over the bytes of the file. A pipe has no length, so its bar shows no percentage."""
    columns = (
        TextColumn("Importing"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, position = bar.add_task("import", total=_length(stream), counts=""), _position(stream)

        def show(report: ImportReport) -> None:
            bar.update(task, completed=position(), counts=f"{report.lines:,} read, {report.stored:,} stored")

        yield show


def _length(stream: IO[bytes]) -> int | None:
    status = os.fstat(stream.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _position(stream: IO[bytes]) -> Callable[[], int | None]:
    return stream.tell if stream.seekable() else lambda: None


def _summary(report: ImportReport, project: Project) -> Iterator[str]:
    rejected = report.rejected.total()
    yield f"{report.lines:,} lines: {report.stored:,} stored, {report.duplicates:,} duplicates, {rejected:,} rejected"
    if report.from_others:
        yield f"  {report.from_others:,} of these were sent to the project by other senders during the import"
    yield from (
        f"  kept with a warning: {count:,} {reason}" for reason, count in report.warnings.most_common()
    )
    yield from (f"  rejected: {count:,} {reason}" for reason, count in report.rejected.most_common())
    yield from (f"    line {line.number:,}: {line.message}" for line in report.samples)
    if rejected > len(report.samples):
        yield f"    and {rejected - len(report.samples):,} more"
    yield f"See /projects/{project.slug}/people/"
