"""`manage.py doctor`: checks the installation and the event counts. Exits with 1 and names what is wrong."""

from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from analytics.doctor import balance, installation
from analytics.doctor.finding import Finding
from projects.models import Project

SIGNS = {"ok": "✓", "warning": "?", "error": "✗"}


class Command(BaseCommand):
    help = (
        "Check the installation, and that received = stored + duplicates + refused + quarantined + waiting for each"
        " project."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--project", metavar="SLUG", help="check only this project's events")

    def handle(self, *_args: Any, **options: Any) -> None:
        found = installation.check()
        if all(finding.state != "error" for finding in found):
            found += [
                finding for project in _projects(options["project"]) for finding in balance.check(project)
            ]
        errors = [finding for finding in found if finding.state == "error"]
        if options["json"]:
            self.stdout.write(msgspec.json.encode({"ok": not errors, "findings": found}).decode())
        else:
            self._print(found)
        if errors:
            raise CommandError("; ".join(f"{finding.part}: {finding.detail}" for finding in errors))

    def _print(self, found: list[Finding]) -> None:
        for finding in found:
            self.stdout.write(f"{SIGNS[finding.state]} {finding.part}: {finding.detail}")


def _projects(slug: str | None) -> list[Project]:
    if slug is None:
        return list(Project.objects.order_by("id"))
    found = list(Project.objects.filter(slug=slug))
    if not found:
        raise CommandError(f"there is no project {slug!r}; there are: {', '.join(_slugs()) or 'none yet'}")
    return found


def _slugs() -> list[str]:
    return list(Project.objects.values_list("slug", flat=True))
