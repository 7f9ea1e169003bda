"""The statements of this package, read once; each file runs in psql once its %(names)s are filled in."""

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
