from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.home import layout, up
from projects import first_run, sign_in


class Command(BaseCommand):
    help = "Print a sign-in link that works once, within 15 minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", help="default: the first owner")

    def handle(self, *args: Any, **options: Any) -> None:
        token = sign_in.create_link(_user(options["username"]))
        self.stdout.write(up.site_url(layout.home()) + sign_in.path(token))


def _user(name: str | None) -> User:
    if name is None:
        return first_run.ensure_owner()[0]
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist:
        names = ", ".join(User.objects.values_list("username", flat=True)[:20])
        raise CommandError(f"there is no user {name!r}; existing users: {names or 'none'}") from None
