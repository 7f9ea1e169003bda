"""Every benchmark runs, at a size at which it means nothing; the table says what results say, and no more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.__main__ import ALL

ROOT = Path(__file__).parent.parent.parent
TINY = {
    "ingest": ["1", "1"],
    "enrich": ["2000"],
    "load": ["5000"],
    "rollup": ["100"],
    "insights": ["100"],
    "home": ["0"],
    "together": ["1"],
    "tabs": ["2", "1"],
    "first_insight": ["1"],
}


def run(name: str, results: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *TINY[name]],
        cwd=ROOT,
        env={**os.environ, "BENCHMARK_RESULTS": str(results)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_it_runs_and_keeps_numbers_that_the_table_can_read(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [file.stem for file in tmp_path.iterdir()] == [name]
    numbers = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert numbers["machine"]["commit"]
    for row in table.ROWS:
        if row.benchmark == name:
            measured = row.read(numbers)
            assert measured is None or measured > 0, row.what


def test_every_row_belongs_to_a_benchmark_that_is_run() -> None:
    assert {row.benchmark for row in table.ROWS} == set(ALL)


def test_what_was_not_measured_is_called_so(tmp_path: Path) -> None:
    lines = table.render(tmp_path).splitlines()[2:]
    assert len(lines) == len(table.ROWS)
    assert all("not measured" in line for line in lines)


@pytest.mark.parametrize(
    ("measured", "most", "said"),
    [(50, True, "met"), (75, True, "missed by 50%"), (50, False, "met"), (40, False, "missed by 20%")],
)
def test_a_verdict_says_by_how_much(measured: float, most: bool, said: str) -> None:
    row = table.Row("a page", "home", 50, " ms", lambda _: None, most=most)
    assert table.verdict(row, measured) == said


def test_the_page_has_a_line_for_every_target() -> None:
    page = table.PAGE.read_text(encoding="utf-8")
    lines = page.split(table.BEGIN)[1].split(table.END)[0]
    assert [row.what for row in table.ROWS if f"| {row.what} |" not in lines] == []
