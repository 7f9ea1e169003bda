"""Typed readers of environment variables. docs/settings.md lists all of them.

Standard library only, because ingest must not import Django.
"""

import os
from pathlib import Path

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


class ConfigurationError(Exception):
    """An environment variable is invalid. The message says which one, why, and what to set instead."""


def text(name: str, default: str = "") -> str:
    # An empty variable counts as unset: env files and compose files often have `NAME=`.
    return os.environ.get(name) or default


def integer(name: str, default: int, *, least: int = 0) -> int:
    raw = text(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ConfigurationError(
            f"{name}={raw!r} is not a whole number; set for example {name}={default}"
        ) from None
    if value < least:
        raise ConfigurationError(f"{name}={value} is too small; the minimum is {least}")
    return value


def boolean(name: str, default: bool = False) -> bool:
    raw = text(name).lower()
    if not raw:
        return default
    if raw not in TRUE | FALSE:
        raise ConfigurationError(f"{name}={raw!r} is not a boolean; set {name}=1 or {name}=0")
    return raw in TRUE


def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A comma-separated list. Blanks around the items are ignored."""
    raw = text(name)
    return tuple(item.strip() for item in raw.split(",") if item.strip()) if raw else default


def path(name: str, default: Path) -> Path:
    raw = text(name)
    # Absolute: our processes have other working directories than the shell that started them.
    return Path(raw).expanduser().resolve() if raw else default


def secret(name: str) -> str:
    """The value of NAME, or the content of the file named by NAME_FILE, for mounted secrets."""
    if file := text(f"{name}_FILE"):
        try:
            # Most editors end a file with a line break, which is not part of the secret.
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{name}_FILE={file!r} cannot be read: {error.strerror}") from error
    return text(name)
