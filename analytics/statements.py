"""The SQL scripts of analytics, read once; each runs in psql once its %(names)s are filled in."""

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> str:
    """The script `name`.sql, with its package: `enrich/take`."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
