"""docs/lake.md has every column of the lake, and its example works."""

import re
from pathlib import Path
from typing import Any

import pytest

from analytics.identity.merges import merge
from analytics.lake import table
from analytics.lake.columns import ACTIVITY, EVENTS, FACTS, FIRSTS, Layout
from tests.analytics.api.client import Api
from tests.journey import Journey
from tests.people import Team

PAGE = (Path(__file__).parent.parent.parent / "docs" / "lake.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("layout", [EVENTS, ACTIVITY, FACTS, FIRSTS], ids=lambda layout: layout.name)
def test_every_column_is_documented_with_its_type_and_meaning(layout: Layout) -> None:
    section = PAGE.partition(f"### `{layout.name}`")[2].partition("\n### ")[0]
    documented = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]{3,} \|$", section, re.M)
    stored = [
        (field.name, f"{SPELLING.get(str(field.type), field.type)}{', nullable' if field.nullable else ''}")
        for field in layout.columns
    ]
    assert documented == stored


SPELLING = {"date32[day]": "date32"}


def test_the_example_joins_events_and_people_by_the_ids_of_the_api(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journey(team).track("ana", "signup").track("bo", "signup").track("bo", "export").through()
    api = Api(team.api_key)
    ana, bo = (row["id"] for row in api.rows("people"))
    merge(team.new.project, ana, bo, by="dee")
    (tmp_path / "people.ndjson").write_bytes(api.get("people", format="ndjson").body)
    monkeypatch.chdir(tmp_path)

    found: dict[str, Any] = {}
    exec(example(api.get("project").json["id"]), found)  # noqa: S102 (our own page)

    assert found["active"] == [("ana", 3)]
    ids = found["database"].execute("SELECT id::VARCHAR FROM events ORDER BY sequence").fetchall()
    assert [id for (id,) in ids] == [row["id"] for row in api.rows("events")]


def example(project: int) -> str:
    code = PAGE.partition("```python\n")[2].partition("```")[0]
    return code.replace(".firsthand/lake/events", table.url(EVENTS)).replace(
        "project_id = 1", f"project_id = {project}"
    )
