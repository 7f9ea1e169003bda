#!/usr/bin/env python
"""The one entry point: `python manage.py help` lists what it can do."""

import os
import sys

WITHOUT_DATABASE = {"up", "restore", "help", "check", "collectstatic", "makemigrations", "spectacular"}
"""These need no database, or bring it themselves."""


def main() -> None:
    from config.home import private

    private.restrict_new_files()
    if sys.argv[1:] == ["up"]:
        from config.home import up

        sys.exit(up.main())

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in WITHOUT_DATABASE or {"-h", "--help", "--version"} & set(sys.argv):
        execute_from_command_line(sys.argv)
        return

    from config.home import layout, postgres

    try:
        with postgres.running(layout.home(), command) as own:
            if own and command != "migrate":
                execute_from_command_line([sys.argv[0], "migrate", "--verbosity=0"])
            execute_from_command_line(sys.argv)
    except layout.HomeError as error:
        sys.exit(f"manage.py {command}: {error}")


if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as error:
        if error.name not in {"django", "psycopg"}:
            raise
        sys.exit(
            f"manage.py: this Python ({sys.executable}) lacks {error.name}; `make run` installs everything into .venv,"
            " and .venv/bin/python manage.py uses it"
        )
