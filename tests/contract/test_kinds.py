"""A kind of insight is one package: its name stands in the registry's list and nowhere else."""

import ast
import re
from pathlib import Path

import pytest

from analytics.insights.registry import KINDS

ROOT = Path(__file__).parents[2]
INSIGHTS = ROOT / "analytics" / "insights"
PACKAGES = ("config", "projects", "api", "dashboard", "analytics", "feedback", "templates", "static")
CODE = {".py", ".sql", ".html", ".js", ".css", ".svg"}
FOREIGN = {"logRetentionDuration", "enforce_retention_duration"}
"""What Delta calls the lifetime of its log."""


def sources(kind: str) -> list[Path]:
    """All code but the kind's own package and the registry; migrations tell what once was."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in CODE)
    own = {"migrations", "vendor"}
    return [
        path
        for path in found
        if path != INSIGHTS / "registry.py"
        and INSIGHTS / kind not in path.parents
        and own.isdisjoint(path.parts)
    ]


def mentions(kind: str, text: str) -> list[str]:
    """The words of a text that have the kind's name in them, as snake_case or in CamelCase."""
    camel = "".join(part.capitalize() for part in kind.split("_"))
    named = re.compile(rf"(?<![a-z])({kind}|{camel})(?![a-z])|{camel}(?=[A-Z])")
    return [word for word in re.findall(r"[\w$]+", text) if named.search(word) and word not in FOREIGN]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kinds_name_stands_nowhere_else(kind: str) -> None:
    found = {str(path.relative_to(ROOT)): mentions(kind, path.read_text("utf-8")) for path in sources(kind)}
    assert {path: words for path, words in found.items() if words} == {}


def test_a_name_is_found_however_it_is_written() -> None:
    text = "retention_cells RetentionAnswer x.retention 'Retention' retentions logRetentionDuration detention"
    assert mentions("retention", text) == ["retention_cells", "RetentionAnswer", "retention", "Retention"]
    assert mentions("cohort_reactions", "CohortReactions cohort_reactions_of reactions") == [
        "CohortReactions",
        "cohort_reactions_of",
    ]


def test_a_package_is_called_like_its_kind() -> None:
    assert [kind.name for kind in KINDS.values()] == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_do_not_know_each_other(kind: str) -> None:
    others = {f"analytics.insights.{other}" for other in KINDS if other != kind}
    for path in (INSIGHTS / kind).rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        imported = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        assert not {name for name in imported if any(name.startswith(other) for other in others)}, path


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_page_and_its_tests(kind: str) -> None:
    assert (INSIGHTS / kind / "screen.html").is_file()
    assert list((ROOT / "tests" / "analytics" / "insights" / kind).glob("test_*.py"))


def test_kinds_share_neither_keys_nor_labels() -> None:
    screens = [kind.screen for kind in KINDS.values()]
    assert (
        len({screen.key for screen in screens}) == len({screen.label for screen in screens}) == len(screens)
    )
