"""The shape of the code, as far as an import linter cannot see it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("config", "projects", "api", "dashboard", "outbox", "analytics", "feedback")
LONGEST_FUNCTION = 60
LONGEST_MODULE = 500
VAGUE = {"utils.py", "helpers.py", "services.py", "common.py", "misc.py", "signals.py"}


def modules(*packages: str) -> list[Path]:
    found = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if "migrations" not in path.parts)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_can_be_read_at_a_glance() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({lines(node)})"
        for path in modules(*PACKAGES, "tests", "benchmarks")
        for node in functions(path)
        if lines(node) > LONGEST_FUNCTION
    ]
    assert long == []


def test_half_of_the_functions_have_ten_lines_or_fewer() -> None:
    sizes = sorted(lines(node) for path in modules(*PACKAGES) for node in functions(path))
    assert sizes[len(sizes) // 2] <= 10


def test_modules_have_one_subject() -> None:
    long = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(*PACKAGES)
    }
    assert {name: size for name, size in long.items() if size > LONGEST_MODULE} == {}
    assert [path for path in modules(*PACKAGES) if path.name in VAGUE] == []


def test_no_two_modules_of_sibling_packages_share_a_name() -> None:
    """A module's name alone says where to look. Kinds of insight are built alike; Django's own names are expected."""
    shared = {"__init__", "urls", "models", "apps", "tasks", "navigation"}
    by_family: dict[tuple[Path, str], list[str]] = {}
    for path in modules(*PACKAGES):
        family = path.parent.parent
        if (
            path.stem not in shared
            and family != ROOT / "analytics" / "insights"
            and "management" not in path.parts
        ):
            by_family.setdefault((family, path.stem), []).append(str(path.relative_to(ROOT)))
    assert [paths for paths in by_family.values() if len(paths) > 1] == []


def test_celery_tasks_only_name_what_is_done() -> None:
    files = (ROOT / "analytics/tasks.py", ROOT / "outbox/tasks.py")
    long = [node.name for file in files for node in functions(file) if len(node.body) > 5]
    assert long == []


@pytest.mark.parametrize(
    "package",
    [
        "outbox/console",
        "analytics/console",
        "feedback/console",
        "feedback/embed",
        "analytics/api",
        "feedback/api",
    ],
)
def test_rows_are_reached_through_their_doors_only(package: str) -> None:
    bypasses = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in modules(package)
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"(Project|Membership|Comment)\.objects", line)
    ]
    assert bypasses == []


def test_verbs_know_no_request() -> None:
    for path in (ROOT / "feedback").glob("*.py"):
        assert "django.http" not in path.read_text(encoding="utf-8"), path


def test_the_lean_ingest_loads_no_django() -> None:
    heavy = "('django', 'celery', 'ibis', 'duckdb', 'pyarrow')"
    program = f"import sys, analytics.ingest.app; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_the_repository_names_no_registry_and_no_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    forbidden = re.compile(
        r"--(extra-)?index-url|pypi\.org/simple|registry\.npmjs|files\.pythonhosted|/root/|/work/"
    )
    own = Path(__file__).relative_to(ROOT)
    found = [
        name
        for name in listed
        if name
        and name != str(own)
        and (ROOT / name).suffix in {".py", ".txt", ".toml", ".md", ".json", ".sh", ".html", ""}
        and (ROOT / name).is_file()
        and forbidden.search((ROOT / name).read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []
