"""The SQL files of analytics, read once. Parameters are named: %(name)s."""

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> str:
    """The file `name`.sql, where the name includes its package: `enrich/claim`."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
