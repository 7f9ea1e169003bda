"""An event as a sentence about its person: "viewed /pricing", "clicked Save", "signed up"."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from analytics.query.events import Event
from analytics.query.fact_history import FactChange
from analytics.schema import ANSWER_EVENT, COMMENT_EVENT, PAGEVIEW_EVENT, REPLY_EVENT, VERDICT_EVENT
from dashboard import formats

MAX_LENGTH = 300
LONGEST_LOAD = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Sentence:
    """`verb` is our text. `subject` and `detail` were sent by a client: templates must escape them."""

    icon: str
    verb: str
    subject: str = ""
    detail: str = ""


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
    return _on_page("viewed", event, details)


def _left(event: Event, details: Details) -> Sentence:
    return _on_page("left", event, details)


def _on_page(verb: str, event: Event, details: Details) -> Sentence:
    address = event.path or event.url or ""
    title = " ".join((event.title or "").split())[:MAX_LENGTH]
    if title and title != address:
        return Sentence("page", verb, title, address)
    return Sentence("page", verb, address or _text(details, "name") or "a page")


def _screen(event: Event, details: Details) -> Sentence:
    return Sentence("page", "opened", _text(details, "$screen_name", "name") or "a screen")


def _identified(event: Event, details: Details) -> Sentence:
    return Sentence("person", "was identified as", event.distinct_id)


def _aliased(event: Event, details: Details) -> Sentence:
    return Sentence("link", "got another id,", _text(details, "alias", "$previous_id") or event.distinct_id)


def _described(event: Event, details: Details) -> Sentence:
    return Sentence("person", "facts were updated")


def _grouped(event: Event, details: Details) -> Sentence:
    return Sentence("people", "joined", _text(details, "$group_key", "groupId", "name") or "a group")


def _used(event: Event, details: Details) -> Sentence:
    verb, unnamed = USES.get(_text(details, "$event_type"), USES["click"])
    return Sentence("event", verb, _element_name(details) or unnamed)


def _clicked_repeatedly(event: Event, details: Details) -> Sentence:
    return Sentence("event", "clicked repeatedly on", _element_name(details) or "something")


def _clicked_in_vain(event: Event, details: Details) -> Sentence:
    return Sentence("event", "clicked, and nothing happened:", _element_name(details) or "something")


def _loaded(event: Event, details: Details) -> Sentence:
    verb = "waited for" if details.get("$web_vitals_rating") == "poor" else "loaded"
    painted = details.get("$web_vitals_LCP_value") or details.get("$web_vitals_FCP_value")
    return Sentence("page", verb, event.path or event.url or "a page", _seconds(painted))


def _seconds(milliseconds: object) -> str:
    # Clients send any number, and dividing one beyond a float's range raises OverflowError.
    if isinstance(milliseconds, int | float) and 0 <= milliseconds <= LONGEST_LOAD:
        return f"{milliseconds / 1000:.1f} s"
    return ""


USES = {
    "click": ("clicked", "something"),
    "change": ("changed", "a field"),
    "submit": ("submitted", "a form"),
}
"""By the type of the browser's event: a verb, and what to call an element without a name."""

ELEMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^;"])*')
ATTRIBUTE = re.compile(r'([\w-]+)="((?:[^"\\]|\\.)*)"')
NAMING = (
    "attr__aria-label",
    "attr__placeholder",
    "attr__title",
    "attr__alt",
    "attr__name",
    "attr__id",
    "attr_id",
)
"""Attributes that name an element, the most readable first. Its text comes after its `aria-label`, as in browsers."""


def _element_name(details: Details) -> str:
    chain = _text(details, "$elements_chain")
    # The first element of the chain is the one that was used; the others contain it.
    [element] = ELEMENT.findall(chain)[:1]
    attributes = {name: value.replace('\\"', '"') for name, value in ATTRIBUTE.findall(element)}
    label = attributes.get("attr__aria-label", "") or _text(details, "$el_label", "$el_text", "text", "name")
    named = label or next((attributes[name] for name in NAMING if attributes.get(name)), "")
    return named or _text(details, "$el_selector")


def _failed(event: Event, details: Details) -> Sentence:
    first = _first_exception(details)
    kind = _text(details, "$exception_type", "type") or _text(first, "type")
    words = _text(details, "$exception_message", "message") or _text(first, "value")
    return Sentence("error", "met an error,", ": ".join(part for part in (kind, words) if part) or "unnamed")


def _first_exception(details: Details) -> Details:
    found = details.get("$exception_list")
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}


def _commented(event: Event, details: Details) -> Sentence:
    return Sentence("comment", "left a comment")


def _replied(event: Event, details: Details) -> Sentence:
    return Sentence("comment", "replied in the thread of a comment")


def _judged(event: Event, details: Details) -> Sentence:
    works = _text(details, "verdict") == "works"
    return Sentence("comment", "said that it works now" if works else "said that it still does not work")


def _answered(event: Event, details: Details) -> Sentence:
    return Sentence("comment", "answered a question")


SPEAKERS: dict[str, Speaker] = {
    PAGEVIEW_EVENT: _viewed,
    "$pageleave": _left,
    "$screen": _screen,
    "$identify": _identified,
    "$create_alias": _aliased,
    "$set": _described,
    "$groupidentify": _grouped,
    "$group": _grouped,
    "$autocapture": _used,
    "$rageclick": _clicked_repeatedly,
    "$dead_click": _clicked_in_vain,
    "$web_vitals": _loaded,
    "$exception": _failed,
    COMMENT_EVENT: _commented,
    REPLY_EVENT: _replied,
    VERDICT_EVENT: _judged,
    ANSWER_EVENT: _answered,
}


PAGE_FACTS = frozenset({"url", "path", "title", "referrer", "search"})
"""Properties of page views that the sentence already contains."""


def facts(event: str, details: Details) -> list[tuple[str, str]]:
    """Custom properties with a value: SDKs add dozens with `$`, and names without any value."""
    shown = PAGE_FACTS if event == PAGEVIEW_EVENT else frozenset()
    named = [name for name in details if _is_custom(name) and name not in shown and details[name] is not None]
    return [(name, _shown(details[name])) for name in named]


def _is_custom(name: str) -> bool:
    # Clients of earlier versions repeated the write key, which no page may show.
    return bool(name) and not name.startswith("$") and name not in ("token", "distinct_id")


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
