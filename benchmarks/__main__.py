"""Every benchmark, one after the other, each in a process of its own, on a PostgreSQL of their own.

    python -m benchmarks [NAME...]         NAME is a module of this folder: ingest, enrich, load...

Results go to benchmarks/results/*.json, the table made of them into docs/scaling.md.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import table
from config.home import lock, postgres
from config.home.layout import Home

ALL = ("ingest", "enrich", "load", "rollup", "insights", "home", "together", "tabs", "first_insight")


def measure(names: list[str], database_url: str) -> list[str]:
    """The names of those that failed."""
    environment = os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    failed = []
    for name in names:
        print(f"— {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], env=environment, check=False)
        if done.returncode:
            failed.append(name)
    return failed


def main(names: list[str]) -> int:
    unknown = set(names) - set(ALL)
    if unknown:
        print(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(ALL)}")
        return 2
    with tempfile.TemporaryDirectory(prefix="firsthand-bench-") as folder:
        Path(folder).chmod(0o755)
        home = Home(Path(folder) / "home")
        with lock.hold(home, "bench") as held, postgres.serving(home, held):
            failed = measure(names or list(ALL), home.database_url)
    table.write()
    print(f"failed: {', '.join(failed)}" if failed else "the table is in docs/scaling.md")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
