"""The kinds of insight. All else walks this list; a kind's name stands nowhere else outside its package."""

from analytics.insights import cohort_reactions, retention, trends
from analytics.insights.kind import AnyKind
from analytics.insights.questions import QueryError, Question

KINDS: dict[str, AnyKind] = {
    kind.name: kind
    for kind in (
        trends.KIND,
        retention.KIND,
        cohort_reactions.KIND,
    )
}

COMPANIONS = {retention.KIND.name: (cohort_reactions.KIND.name,)}
"""Whose figures stand below a kind's on its page, for the same dates and periods."""

_BY_QUESTION: dict[type, AnyKind] = {kind.question: kind for kind in KINDS.values()}


def find(name: str) -> AnyKind:
    """Raises QueryError."""
    if name not in KINDS:
        raise QueryError("", f"there is no insight {name!r}; there are: {', '.join(KINDS)}")
    return KINDS[name]


def kind_of(question: Question) -> AnyKind:
    return _BY_QUESTION[type(question)]
