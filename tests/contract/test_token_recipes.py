"""The recipes of docs/embed.md sign tokens that ingest accepts."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from analytics.ingest.identity_tokens import ProjectIdentity, verify
from analytics.ingest.wire.event import Identity

EMBED = (Path(__file__).parents[2] / "docs" / "embed.md").read_text(encoding="utf-8")
SECRET, KID = "fhs_" + "recipe" * 8, "k1"
PROJECT = ProjectIdentity("shop", {KID: SECRET})
ANA = Identity("42", KID, "ana@example.com")


def recipe(language: str, name: str) -> str:
    [found] = [code for code in re.findall(rf"```{language}\n(.*?)```", EMBED, re.S) if name in code]
    return str(found)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_IDENTITY_SECRET", SECRET)
    monkeypatch.setenv("FIRSTHAND_IDENTITY_KID", KID)


def test_python() -> None:
    names: dict[str, Any] = {}
    exec(recipe("python", "firsthand_token"), names)  # noqa: S102 (our own documentation)
    assert verify(names["firsthand_token"](42, "ana@example.com"), PROJECT) == ANA


@pytest.mark.slow
def test_node() -> None:
    program = recipe("js", "firsthandToken") + '\nconsole.log(firsthandToken(42, "ana@example.com"));'
    run = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True
    )
    assert verify(run.stdout.strip(), PROJECT) == ANA


def test_rails_names_the_same_claims() -> None:
    code = recipe("ruby", "firsthand_token")
    for part in ("sub:", "exp:", '"HS256"', "kid:"):
        assert part in code
