"""Simulates one person: they try a small writing tool, make it a habit or not, and may leave it."""

import datetime as dt

from analytics.demo.cast import Character
from analytics.demo.diary import Diary

STEPS = (
    ("note created", "/notes/new", "New note", 0.9),
    ("note linked", "/notes", "Notes", 0.55),
    ("notebook shared", "/notebooks", "Notebooks", 0.4),
)
"""First steps in the tool, with the share of people who take each one after the one before."""

HABITS = (
    ("note created", "/notes/new", "New note", 5),
    ("note edited", "/notes", "Notes", 8),
    ("search used", "/search", "Search", 4),
    ("note linked", "/notes", "Notes", 2),
    ("template used", "/templates", "Templates", 1),
    ("notebook shared", "/notebooks", "Notebooks", 1),
)
COUNTED_AS = {"search used": "results", "notebook shared": "notes"}
"""The name of an event's numeric property. Other events count words."""

WEEKDAYS = (1.25, 1.2, 1.2, 1.1, 0.95, 0.5, 0.55)
EXCEPTION = {"type": "TypeError", "message": "undefined is not an object (evaluating 'note.blocks.length')"}


def live(who: Character, until: dt.datetime) -> Diary:
    """One person's history up to `until`."""
    diary = Diary(who)
    _look_around(diary)
    if who.signs_up:
        _sign_up(diary)
        _come_back(diary, until, steps=_first_steps(diary))
    diary.close(until)
    return diary


def _look_around(diary: Diary) -> None:
    for visit in range(diary.who.visits):
        at = _usual_time(diary, diary.at + dt.timedelta(days=visit)) if visit else diary.at
        diary.open(at, diary.who.laptop, diary.who.source if not visit else None)
        diary.page("/", "Quill: write it down once")
        for path, title in (("/pricing", "Pricing"), ("/tour", "A short tour")):
            if diary.rng.random() < 0.5:
                diary.page(path, title)
    if diary.rng.random() < 0.06:
        diary.comment("confusing" if diary.rng.random() < 0.6 else "forgettable")


def _sign_up(diary: Diary) -> None:
    diary.page("/signup", "Sign up")
    diary.identify()
    diary.track("signup", plan="free")


def _first_steps(diary: Diary) -> int:
    """The first session. Returns how many of STEPS were taken."""
    for taken, (event, path, title, share) in enumerate(STEPS):
        diary.page(path, title)
        if diary.rng.random() > share * (0.55 + diary.who.keenness * 0.7):
            if diary.rng.random() < 0.3:
                diary.comment("confusing")
            return taken
        diary.track(event, first=True)
    if diary.rng.random() < 0.4:
        diary.comment("exciting")
    return len(STEPS)


def _come_back(diary: Diary, until: dt.datetime, *, steps: int) -> None:
    """Weekly activity until they leave. People who took fewer first steps leave sooner."""
    who, week = diary.who, 0
    stays = 0.5 + 0.09 * steps + 0.2 * who.keenness
    begin = diary.at
    while begin + dt.timedelta(weeks=week) < until:
        if diary.rng.random() > min(stays + 0.02 * week, 0.97):
            if diary.rng.random() < 0.15:
                diary.comment("forgettable")
            return
        for day in range(7 * week + 1, 7 * week + 8):
            _maybe_a_session(diary, _usual_time(diary, begin + dt.timedelta(days=day)))
        if diary.rng.random() < 0.12:
            diary.comment(diary.rng.choices(("useful", "exciting", "confusing"), weights=(7, 2, 1))[0])
        week += 1


def _maybe_a_session(diary: Diary, at: dt.datetime) -> None:
    local = at.astimezone(diary.who.zone)
    if diary.rng.random() > (0.12 + diary.who.keenness * 0.4) * WEEKDAYS[local.weekday()]:
        return
    phone = diary.who.phone
    on_phone = phone is not None and diary.rng.random() < 0.4
    diary.open(at, phone if phone is not None and on_phone else diary.who.laptop)
    _use(diary)


def _use(diary: Diary) -> None:
    """One session: sign in on a new device, then some of the HABITS."""
    diary.page("/notes", "Notes")
    if not diary.signed_in:
        diary.page("/signin", "Sign in")
        diary.identify()
        diary.track("signin")
    for _ in range(1 + int(diary.rng.expovariate(1 / 3))):
        event, path, title, _weight = diary.rng.choices(HABITS, weights=[habit[3] for habit in HABITS])[0]
        diary.page(path, title)
        size = int(diary.rng.lognormvariate(4, 1))
        diary.track(event, **{COUNTED_AS.get(event, "words"): size})
        if diary.rng.random() < 0.02:
            diary.track("$exception", **EXCEPTION)
    if diary.rng.random() < 0.008:
        diary.track("plan upgraded", plan="plus", revenue=9)


def _usual_time(diary: Diary, day: dt.datetime) -> dt.datetime:
    """About their usual hour on that local day, but never before the last event."""
    hour = min(max(diary.rng.gauss(diary.who.hour, 1.2), 0), 23.9)
    local = day.astimezone(diary.who.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # Added to local time: people come at 9 o'clock in winter and in summer.
    at = (local + dt.timedelta(hours=hour)).astimezone(dt.UTC)
    return max(at, diary.at + dt.timedelta(minutes=40))
