"""The documentation covers every setting, endpoint and reason, and what it says of the code is true."""

import re
import tomllib
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

from analytics.ingest.amplitude_routes import AMPLITUDE
from analytics.ingest.mixpanel_routes import MIXPANEL
from analytics.ingest.routes import ROUTES
from analytics.ingest.wire.event import DropReason
from analytics.insights.registry import KINDS
from feedback.embed.endpoints import ENDPOINTS

ROOT = Path(__file__).parent.parent.parent


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def variables() -> set[str]:
    readers = re.compile(r'env\.(?:text|integer|boolean|words|path|secret)\(\s*"([A-Z_]+)"')
    sources = [
        path
        for package in ("config", "projects", "api", "dashboard", "outbox", "analytics", "feedback")
        for path in (ROOT / package).rglob("*.py")
    ]
    return {name for path in sources for name in readers.findall(path.read_text(encoding="utf-8"))}


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for item in patterns:
        route = prefix + str(item.pattern)
        found |= addresses(item.url_patterns, route) if isinstance(item, URLResolver) else {route}
    return found


def test_every_variable_is_in_settings_md() -> None:
    assert variables() >= {"FIRSTHAND_HOME", "DATABASE_URL"}
    assert {name for name in variables() if f"`{name}`" not in page("settings.md")} == set()


def test_settings_md_names_no_other_variable() -> None:
    named = set(re.findall(r"`((?:FIRSTHAND|DATABASE)_[A-Z_]+)`", page("settings.md")))
    assert {name.removesuffix("_FILE") for name in named} - variables() == set()


def test_every_endpoint_of_the_export_api_is_in_api_md() -> None:
    routes = {route for route in addresses(get_resolver().url_patterns) if route.startswith("api/v1/")}
    documented = page("api.md")
    missing = {
        route for route in routes if "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route) not in documented
    }
    assert missing == set()


def test_every_endpoint_of_ingest_is_in_api_md() -> None:
    assert {
        path
        for path in {*ROUTES, *MIXPANEL, *AMPLITUDE, *ENDPOINTS}
        if f"`{path}" not in page("api.md").replace("POST ", "")
    } == set()


def test_every_reason_for_a_rejection_is_in_api_md() -> None:
    assert {str(reason) for reason in DropReason if f"`{reason}`" not in page("api.md")} == set()


def test_every_kind_of_insight_has_a_section_and_every_measure_its_definition() -> None:
    documented = page("metrics.md")
    assert {name for name in KINDS if f"(`{name}`)" not in documented} == set()
    measures = {measure.name for kind in KINDS.values() for measure in kind.measures}
    assert {name for name in measures if f"`{name}`" not in documented} == set()


def test_architecture_md_has_the_layers_of_the_import_rules() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    [layers] = [rule["layers"] for rule in rules["contracts"] if rule.get("containers") == ["analytics"]]
    assert "```\n" + "\n".join(layers) + "\n```" in page("architecture.md")


def test_every_link_leads_to_a_page_and_a_heading() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in pages
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text(encoding="utf-8"))
        if not leads_somewhere(path, target)
    ]
    assert broken == []


def leads_somewhere(path: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    found = (path.parent / name) if name else path
    return found.exists() and (not anchor or anchor in anchors(found))


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_decisions_are_numbered_like_their_files() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    titles = [path.read_text(encoding="utf-8").partition(". ")[0] for path in decisions]
    assert titles == [f"# {number}" for number in range(1, len(decisions) + 1)]
    assert [path.name[:3] for path in decisions] == [f"{number:03}" for number in range(1, len(titles) + 1)]


def test_every_make_command_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`?make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"run", "test", "check"} <= named
    assert {name for name in named if not re.search(rf"^{name}:", makefile, re.M)} == set()
