"""The people of the demo: where they live, their devices, how they found the site, how keen they are."""

import datetime as dt
import random
import uuid
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

NAMESPACE = uuid.UUID("6c1f8a52-7a0e-4b0e-9c57-0d5f7a1f4e11")
LAUNCH = 0.6
"""When the launch was, as a share of the whole time span."""

FIRST_NAMES = (  # noqa: SIM905 (names read better as a line)
    "Ada Amara Anouk Ben Bruno Carla Chen Dana Diego Elif Emeka Farid Freya Gita Hana Hugo Ines Ivan Jonas Jun Kaya"
    " Kofi Lars Leila Luca Maja Mateo Mei Nadia Nils Nora Oskar Pia Priya Rafael Ravi Rosa Sam Sofia Tariq Tess Yuki"
).split()
LAST_NAMES = (  # noqa: SIM905 (names read better as a line)
    "Abebe Bauer Costa Duarte Eriksen Fischer Garcia Haddad Ito Jansen Kaur Larsen Moreau Nguyen Okafor Petrov Quist"
    " Rossi Sato Tanaka Ueda Vargas Weber Xu Yilmaz Zhou"
).split()

PLACES = (
    ("Europe/Berlin", "de-DE", 5),
    ("America/New_York", "en-US", 5),
    ("Europe/London", "en-GB", 3),
    ("Asia/Kolkata", "en-IN", 3),
    ("America/Sao_Paulo", "pt-BR", 2),
    ("Asia/Tokyo", "ja-JP", 2),
    ("Australia/Sydney", "en-AU", 1),
)

WEBKIT, BLINK = "AppleWebKit/605.1.15 (KHTML, like Gecko)", "AppleWebKit/537.36 (KHTML, like Gecko)"
LAPTOPS = (
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.1 Safari/605.1.15",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
PHONES = (
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {WEBKIT} Version/18.1 Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {BLINK} Chrome/141.0.0.0 Mobile Safari/537.36",
)


@dataclass(frozen=True, slots=True)
class Source:
    """How somebody found the site: the referring page, and the campaign in the link."""

    referrer: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""


LAUNCH_POST = Source("https://news.ycombinator.com/", "hackernews", "social", "launch")
SOURCES = (
    Source(),
    Source("https://www.google.com/"),
    Source("https://www.google.com/", "google", "cpc", "notes-for-teams"),
    Source("https://mastodon.social/"),
    Source("https://small.tools/newsletter/42", "small-tools", "email", "issue-42"),
)


@dataclass(frozen=True, slots=True)
class Browser:
    """One device: its anonymous id and its user agent."""

    anonymous_id: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Character:
    """One person of the demo, before anything has happened.

    arrives   when they first open the site
    hour      the local hour at which they usually come
    keenness  0 to 1: how easily they sign up, take a next step, come back
    visits    how often they look around before they sign up, or leave for good
    phone     their second device, if they use it
    """

    index: int
    namespace: uuid.UUID
    user_id: str
    name: str
    email: str
    zone: ZoneInfo
    locale: str
    source: Source
    arrives: dt.datetime
    hour: float
    keenness: float
    visits: int
    signs_up: bool
    laptop: Browser
    phone: Browser | None

    def rng(self, purpose: str) -> random.Random:
        """A generator of their own: nobody's history depends on how many others there are."""
        return random.Random(f"{self.namespace}/{purpose}")  # noqa: S311 (a story needs no secrets)


def character(seed: int, index: int, *, since: dt.datetime, until: dt.datetime) -> Character:
    """The same arguments always give the same character."""
    namespace = uuid.uuid5(NAMESPACE, f"{seed}/{(until - since).days}/{index}")
    # Seeded with text and not with hash(), which differs between processes. A new draw between those below would
    # change every demo that exists.
    rng = random.Random(f"{namespace}/cast")  # noqa: S311 (a story needs no secrets)
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    zone, locale, _ = rng.choices(PLACES, weights=[weight for *_, weight in PLACES])[0]
    arrives, source = _arrival(rng, since, until)
    keenness = rng.betavariate(1.6, 1.6)
    return Character(
        index=index,
        namespace=namespace,
        user_id=f"u{seed}-{index + 1:04}",
        name=f"{first} {last}",
        email=f"{first}.{last}{index + 1}@example.com".lower(),
        zone=ZoneInfo(zone),
        locale=locale,
        source=source,
        arrives=arrives,
        hour=rng.choice((7.5, 9, 10, 13, 20, 21.5)),
        keenness=keenness,
        visits=rng.choice((1, 1, 1, 2, 3)),
        signs_up=rng.random() < 0.45 + keenness / 2,
        laptop=Browser(str(uuid.uuid5(namespace, "laptop")), rng.choice(LAPTOPS)),
        phone=Browser(str(uuid.uuid5(namespace, "phone")), rng.choice(PHONES))
        if rng.random() < 0.3
        else None,
    )


def couple(one: Character, other: Character) -> tuple[Character, Character]:
    """Two people who share a laptop. Both sign up on their first visit."""
    return (
        replace(one, visits=1, signs_up=True),
        replace(other, visits=1, signs_up=True, laptop=one.laptop),
    )


def _arrival(rng: random.Random, since: dt.datetime, until: dt.datetime) -> tuple[dt.datetime, Source]:
    """A third arrive in the two days after the launch, the others at a growing rate."""
    whole = until - since
    if rng.random() < 1 / 3:
        at = since + LAUNCH * whole + dt.timedelta(hours=rng.expovariate(1 / 14))
        source = LAUNCH_POST
    else:
        at = since + whole * rng.random() ** 0.7
        source = rng.choice(SOURCES)
    return min(at, until - dt.timedelta(hours=3)), source
