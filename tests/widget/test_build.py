"""The committed scripts are what the source builds, within their budgets; and the npm package is ready."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from analytics.ingest import script_files

ROOT = Path(__file__).parents[2]
WIDGET = ROOT / "widget"


def scripts(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=WIDGET, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_script_is_within_its_budget() -> None:
    """Bytes of gzip, as they are served."""
    served = {"/array.js": script_files.LOADER, **script_files.ENTRIES, **script_files.PARTS}
    sizes = {re.sub(r"-[0-9a-f]+\.js$", ".js", path[1:]): len(each.gzipped) for path, each in served.items()}
    budgets = json.loads((WIDGET / "budgets.json").read_text(encoding="utf-8"))
    assert budgets.keys() == sizes.keys()
    assert {name: size for name, size in sizes.items() if size > budgets[name]} == {}


@pytest.mark.slow
def test_the_committed_scripts_are_what_the_source_builds(tmp_path: Path) -> None:
    run("node", "build.mjs", "--out", str(tmp_path))
    assert scripts(tmp_path) == scripts(script_files.FOLDER), "run npm run build in widget/"


@pytest.mark.slow
def test_the_source_is_typed() -> None:
    assert run("node_modules/.bin/tsc", "--noEmit") == ""


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (WIDGET / "package-lock.json").read_text(encoding="utf-8")
