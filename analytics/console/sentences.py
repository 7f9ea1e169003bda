"""An event as a sentence about its person: "viewed /pricing", "clicked Save", "signed up"."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from analytics.query.events import Event
from analytics.query.fact_history import FactChange
from analytics.schema import COMMENT_EVENT, PAGEVIEW_EVENT
from dashboard import formats

MAX_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Sentence:
    """`verb` is our text. `subject` was sent by a client: templates must escape it."""

    icon: str
    verb: str
    subject: str = ""


Details = dict[str, Any]
Speaker = Callable[[Event, Details], Sentence]


def sentence(event: Event, details: Details) -> Sentence:
    return SPEAKERS.get(event.event, _named)(event, details)


def _named(event: Event, details: Details) -> Sentence:
    # A name of nothing but $ and _ would leave an empty sentence.
    return Sentence(
        "event", " ".join(event.event.lstrip("$").replace("_", " ").split())[:MAX_LENGTH] or event.event
    )


def _viewed(event: Event, details: Details) -> Sentence:
    return Sentence("page", "viewed", event.path or event.url or _text(details, "name") or "a page")


def _left(event: Event, details: Details) -> Sentence:
    return Sentence("page", "left", event.path or event.url or "a page")


def _screen(event: Event, details: Details) -> Sentence:
    return Sentence("page", "opened", _text(details, "$screen_name", "name") or "a screen")


def _identified(event: Event, details: Details) -> Sentence:
    return Sentence("person", "was identified as", event.distinct_id)


def _aliased(event: Event, details: Details) -> Sentence:
    return Sentence("link", "got another id,", _text(details, "alias", "previousId") or event.distinct_id)


def _described(event: Event, details: Details) -> Sentence:
    return Sentence("person", "facts were updated")


def _grouped(event: Event, details: Details) -> Sentence:
    return Sentence("people", "joined", _text(details, "$group_key", "groupId", "name") or "a group")


def _clicked(event: Event, details: Details) -> Sentence:
    return Sentence("event", "clicked", _text(details, "$el_text", "text", "name") or "something")


def _failed(event: Event, details: Details) -> Sentence:
    kind, words = _text(details, "$exception_type", "type"), _text(details, "$exception_message", "message")
    return Sentence("error", "met an error,", ": ".join(part for part in (kind, words) if part) or "unnamed")


def _commented(event: Event, details: Details) -> Sentence:
    return Sentence("comment", "left a comment")


SPEAKERS: dict[str, Speaker] = {
    PAGEVIEW_EVENT: _viewed,
    "$pageleave": _left,
    "$screen": _screen,
    "$identify": _identified,
    "$create_alias": _aliased,
    "$set": _described,
    "$groupidentify": _grouped,
    "$group": _grouped,
    "$autocapture": _clicked,
    "$exception": _failed,
    COMMENT_EVENT: _commented,
}


PAGE_FACTS = frozenset({"url", "path", "title", "referrer", "search"})
"""Properties of page views that the sentence already contains."""


def facts(event: str, details: Details) -> list[tuple[str, str]]:
    """Custom properties only: SDKs add dozens with `$`."""
    shown = PAGE_FACTS if event == PAGEVIEW_EVENT else frozenset()
    named = [name for name in details if name and not name.startswith("$") and name not in shown]
    return [(name, _shown(details[name])) for name in named]


@dataclass(frozen=True, slots=True)
class Change:
    """A changed fact. An empty `before` means it was not set, an empty `after` that it was removed."""

    name: str
    before: str
    after: str


def changes(found: Iterable[FactChange]) -> list[Change]:
    """Changes of custom facts, without those that SDKs add ($initial_referrer)."""
    named = (change for change in found if not change.property.startswith("$"))
    return [Change(change.property, _fact(change.before), _fact(change.after)) for change in named]


def _fact(value: object) -> str:
    """Empty text is shown in quotes, to distinguish it from a missing value."""
    return "" if value is None else '""' if value == "" else _shown(value)


def _shown(value: object) -> str:
    text = formats.property_value(value)
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"


def _text(details: Details, *names: str) -> str:
    """The first of these properties that is a non-empty text or a number."""
    found = (details.get(name) for name in names)
    return next(
        (str(value)[:MAX_LENGTH] for value in found if isinstance(value, str | int | float) and value != ""),
        "",
    )
