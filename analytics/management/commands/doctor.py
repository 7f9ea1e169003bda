"""`manage.py doctor`: does everything work, and are all events there, each once? Exit 1 names what is wrong."""

from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from analytics.doctor import balance, installation
from analytics.doctor.finding import Finding
from projects.models import Project

SIGNS = {"ok": "✓", "doubt": "?", "fault": "✗"}


class Command(BaseCommand):
    help = "Check the installation, and prove that received = stored + duplicates + refused + waiting."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument("--project", metavar="SLUG", help="the books of this project only")

    def handle(self, *_args: Any, **options: Any) -> None:
        found = installation.examine()
        if all(finding.state != "fault" for finding in found):
            found += [
                finding for project in _projects(options["project"]) for finding in balance.examine(project)
            ]
        faults = [finding for finding in found if finding.state == "fault"]
        if options["json"]:
            self.stdout.write(msgspec.json.encode({"ok": not faults, "findings": found}).decode())
        else:
            self._print(found)
        if faults:
            raise CommandError("; ".join(f"{finding.part}: {finding.detail}" for finding in faults))

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
