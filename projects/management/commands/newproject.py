import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from projects import first_run
from projects.creation import NewProject, create_project
from projects.models import Membership


class Command(BaseCommand):
    help = "Create a project and print its keys. If one user owns all projects here, they own this one too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--timezone", default="UTC", help="time zone of days, weeks and months, such as Europe/Berlin"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            new = _create(options["name"].strip(), options["timezone"])
        except ValidationError as error:
            raise CommandError(_explain(error)) from None
        shown = {
            "project": new.project.slug,
            "write_key": new.write_key,
            "api_key": new.api_key,
            "identity_secret": new.identity_secret,
        }
        lines = json.dumps(shown) if options["json"] else "\n".join(f"{k:<16}{v}" for k, v in shown.items())
        self.stdout.write(lines)


@transaction.atomic
def _create(name: str, timezone: str) -> NewProject:
    owner = first_run.sole_owner()
    new = create_project(name, timezone=timezone)
    if owner is not None:
        Membership.objects.create(project=new.project, user=owner, role=Membership.Role.OWNER)
    return new


def _explain(error: ValidationError) -> str:
    return "; ".join(f"{field}: {' '.join(said)}" for field, said in error.message_dict.items())
