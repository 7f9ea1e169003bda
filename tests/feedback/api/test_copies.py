"""A copy that is kept by `since` equals one made anew, whatever happens to comments between and during its pages."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.schema import REACTIONS
from feedback.comments import CommentError, delete_comment, edit_comment, set_status
from feedback.models import Comment
from tests.analytics.api.client import Api
from tests.examples import examples
from tests.feedback.saying import say
from tests.people import Team, assemble

Rows = dict[str, dict[str, Any]]


@dataclass
class Reader:
    """Somebody's copy of all comments, by id, and how far it is."""

    api: Api
    copy: Rows = field(default_factory=dict)
    since: str | None = None

    def read(self, limit: int) -> bool:
        """One page; whether there is more."""
        page = self.api.get("comments", limit=limit, **({"since": self.since} if self.since else {})).json
        for row in page["comments"]:
            if row["deleted"]:
                self.copy.pop(row["id"], None)
            else:
                self.copy[row["id"]] = row
        self.since = page["since"]
        return page["next"] is not None

    def catch_up(self) -> Rows:
        while self.read(2):
            pass
        return self.copy


VERBS: dict[str, Callable[..., Comment]] = {
    "edit": lambda comment, text: edit_comment(comment, text=text),
    "status": set_status,
    "delete": delete_comment,
}
NUMBER = st.integers(0, 11)
STEPS = st.one_of(
    st.tuples(st.just("leave"), st.sampled_from(REACTIONS), st.sampled_from(["", "Hm.", "Where is it?"])),
    st.tuples(st.just("edit"), NUMBER, st.sampled_from(["Found it.", "Oh.", "Where is it?"])),
    st.tuples(st.just("status"), NUMBER, st.sampled_from(Comment.Status)),
    st.tuples(st.just("delete"), NUMBER),
    st.tuples(st.just("begin"), NUMBER),
    st.tuples(st.just("read"), NUMBER, st.integers(1, 4)),
)


def live(step: tuple[Any, ...], team: Team, said: list[Comment], readers: list[Reader]) -> None:
    match step:
        case "leave", reaction, text:
            said.append(say(team, "ana", text, reaction=reaction))
        case "begin", _:
            readers.append(Reader(Api(team.api_key)))
        case "read", which, limit:
            readers[which % len(readers)].read(limit)
        case verb, which, *changed:
            # What was deleted can be neither edited nor given a status: test_comments.py says so.
            with suppress(CommentError):
                VERBS[verb](said[which % len(said)], *changed)


@settings(max_examples=examples(30))
@given(st.lists(STEPS, max_size=40))
def test_any_history(steps: list[tuple[Any, ...]]) -> None:
    team = assemble()
    api = Api(team.api_key)
    said, readers = [say(team, "ana", "The first.")], [Reader(api)]
    for step in steps:
        live(step, team, said, readers)

    anew = api.rows("comments")

    assert len({row["id"] for row in anew}) == len(anew) == api.get("project").json["comments"]
    assert not any(row["deleted"] for row in anew)
    for reader in readers:
        assert reader.catch_up() == {row["id"]: row for row in anew}
    assert api.get("comments", format="ndjson").lines == anew


def test_a_copy_that_is_read_while_others_write_is_whole(team: Team) -> None:
    """A change that commits late must not hide behind a greater one that was read before."""
    said = [say(team, "ana", f"thought {number}") for number in range(12)]

    def write(seed: int) -> None:
        dice = random.Random(seed)
        for number in range(15):
            with suppress(CommentError):
                edit_comment(dice.choice(said), text=f"{seed}, {number}")
                set_status(dice.choice(said), dice.choice(list(Comment.Status)))
        delete_comment(said[seed])
        connection.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    reader = Reader(Api(team.api_key))
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        reader.read(3)
    for writer in writers:
        writer.join()
    anew = Api(team.api_key).rows("comments")
    assert len(anew) == 8
    assert reader.catch_up() == {row["id"]: row for row in anew}
