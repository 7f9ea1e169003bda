"""The kinds of insight. No other code outside a kind's package contains its name (tests/contract/test_kinds.py)."""

from importlib import import_module

from analytics.insights.kind import AnyKind
from analytics.insights.questions import QueryError, Question

PACKAGES = (
    "trends",
    "retention",
    "lifecycle",
    "stickiness",
    "cohort_reactions",
)
"""In the order of the navigation. Each package defines KIND."""

COMPANIONS = {"retention": ("cohort_reactions",)}
"""Kinds that are shown below another one on its page, for the same dates and periods."""

KINDS: dict[str, AnyKind] = {name: import_module(f"analytics.insights.{name}").KIND for name in PACKAGES}

_BY_QUESTION: dict[type, AnyKind] = {kind.question: kind for kind in KINDS.values()}


def find(name: str) -> AnyKind:
    """Raises QueryError."""
    if name not in KINDS:
        raise QueryError("", f"there is no insight {name!r}; choose one of {', '.join(KINDS)}")
    return KINDS[name]


def kind_of(question: Question) -> AnyKind:
    return _BY_QUESTION[type(question)]
