"""The kinds of deliveries. `OUTBOX_BUILDERS` in config/settings.py names, for each, what builds its message."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from outbox.messages import Message
from outbox.models import Delivery

Builder = Callable[[Delivery], Message]
"""Reads what the payload refers to. Raises Cancelled when that is gone, DeliveryError when it cannot be sent."""


def builder(kind: str) -> Builder:
    return cast("Builder", import_string(settings.OUTBOX_BUILDERS[kind]))


def check_builders(app_configs: object, **options: object) -> list[CheckMessage]:
    """System check: every builder can be imported and called."""
    builders: Mapping[str, str] = settings.OUTBOX_BUILDERS
    return [
        Error(
            f"OUTBOX_BUILDERS[{kind!r}] is {path!r}, which is not a function: {problem}",
            hint="Write the dotted path of a function that takes a Delivery and returns a Message.",
            id="outbox.E001",
        )
        for kind, path in builders.items()
        if (problem := _problem(path))
    ]


def _problem(path: str) -> str:
    try:
        found: Any = import_string(path)
    except ImportError as error:
        return str(error)
    return "" if callable(found) else f"{found!r} cannot be called"
