"""What a benchmark runs on: an empty installation of its own, gone afterwards; and where results go."""

import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import psycopg
from psycopg.conninfo import make_conninfo

RESULTS = Path(os.environ.get("BENCHMARK_RESULTS", Path(__file__).parent / "results"))


@contextmanager
def installation(name: str) -> Iterator[Path]:
    """A new database on the server of DATABASE_URL and a new home, Django set up on them; the home's folder."""
    server, database = os.environ["DATABASE_URL"], f"firsthand_benchmark_{name}_{os.getpid()}"
    with (
        tempfile.TemporaryDirectory(prefix="firsthand-benchmark-") as home,
        psycopg.connect(server, dbname="postgres", autocommit=True) as control,
    ):
        control.execute(f"CREATE DATABASE {database}")
        try:
            _set_up(home, make_conninfo(server, dbname=database))
            yield Path(home)
        finally:
            control.execute(f"DROP DATABASE {database} WITH (FORCE)")


def _set_up(home: str, database_url: str) -> None:
    os.environ |= {
        "FIRSTHAND_HOME": home,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # All load comes from one address, faster than any address may send by default.
        "FIRSTHAND_INGEST_RATE": "0",
    }
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, skip_checks=True)


def save(name: str, numbers: dict[str, Any]) -> None:
    """Print the numbers and keep them, with the machine and the commit they were measured on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "commit": commit.stdout.strip(),
    }
    text = json.dumps({"benchmark": name, **numbers, "machine": machine}, indent=2)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
