"""Generates the demo's history: everybody's calls and comments, in order of time."""

import datetime as dt
import itertools
from dataclasses import dataclass, replace
from operator import attrgetter

from analytics.demo.cast import character, couple
from analytics.demo.comment_texts import TEXTS
from analytics.demo.diary import Call, DemoComment
from analytics.demo.life import live

COUPLE_EVERY = 20
"""One in this many people shares a laptop with the next one."""


@dataclass(frozen=True, slots=True)
class Story:
    """Calls and comments, oldest first."""

    calls: list[Call]
    comments: list[DemoComment]


def generate(*, seed: int, people: int, days: int, until: dt.datetime) -> Story:
    """The same arguments give the same history. With more people, those of a smaller one stay the same."""
    since = until - dt.timedelta(days=days)
    cast = [character(seed, index, since=since, until=until) for index in range(people)]
    for one in range(6, people - 1, COUPLE_EVERY):
        cast[one : one + 2] = couple(*cast[one : one + 2])
    diaries = [live(who, until) for who in cast]
    calls = sorted((call for diary in diaries for call in diary.calls), key=attrgetter("at"))
    comments = sorted(
        (comment for diary in diaries for comment in diary.comments), key=attrgetter("created_at")
    )
    return Story(calls, _with_texts(comments, seed))


def _rotated(words: tuple[str, ...], seed: int) -> tuple[str, ...]:
    start = seed % len(words)
    return words[start:] + words[:start]


def _with_texts(comments: list[DemoComment], seed: int) -> list[DemoComment]:
    """Fills in the texts in turn, so that few comments have the same one."""
    turns = {reaction: itertools.cycle(_rotated(words, seed)) for reaction, words in TEXTS.items()}
    return [replace(one, text=next(turns[one.reaction])) for one in comments]
