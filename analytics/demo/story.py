"""The whole history: everybody's diary, in the order in which it happened."""

import datetime as dt
import itertools
from dataclasses import dataclass, replace
from operator import attrgetter

from analytics.demo.cast import character, couple
from analytics.demo.diary import Call, Said
from analytics.demo.life import live
from analytics.demo.words import WORDS

COUPLES = 20
"""One in so many people shares a laptop with the next one."""


@dataclass(frozen=True, slots=True)
class Story:
    """Calls and comments, oldest first."""

    calls: list[Call]
    said: list[Said]


def tell(*, seed: int, people: int, days: int, until: dt.datetime) -> Story:
    """The same story for the same arguments; more people are more diaries, not others."""
    since = until - dt.timedelta(days=days)
    cast = [character(seed, index, since=since, until=until) for index in range(people)]
    for one in range(6, people - 1, COUPLES):
        cast[one : one + 2] = couple(*cast[one : one + 2])
    diaries = [live(who, until) for who in cast]
    calls = sorted((call for diary in diaries for call in diary.calls), key=attrgetter("at"))
    said = sorted((said for diary in diaries for said in diary.said), key=attrgetter("created_at"))
    return Story(calls, _in_words(said, seed))


def _from(words: tuple[str, ...], seed: int) -> tuple[str, ...]:
    start = seed % len(words)
    return words[start:] + words[:start]


def _in_words(said: list[Said], seed: int) -> list[Said]:
    """By turns, so that hardly anybody says what somebody else has said."""
    turns = {reaction: itertools.cycle(_from(words, seed)) for reaction, words in WORDS.items()}
    return [replace(one, text=next(turns[one.reaction])) for one in said]
