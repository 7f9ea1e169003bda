"""Cursors: whatever comes back is a place in the same list, or a clear refusal."""

import base64
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api import cursor
from api.cursor import CursorError, Number, Place


class Shelf(Place, tag="shelf", frozen=True):
    """A place in one list."""

    number: Number
    name: str


class Drawer(Place, tag="drawer", frozen=True):
    """A place in another one, of the same form."""

    number: Number
    name: str


@given(st.integers(0, 2**63 - 1), st.text(st.characters(codec="utf-8")))
def test_a_place_comes_back_as_it_was(number: int, name: str) -> None:
    text = cursor.write(Shelf(number, name))
    assert cursor.read(text, Shelf) == Shelf(number, name)
    assert text.isascii()
    assert set(text).isdisjoint("+/=&?# ")


@given(st.text())
@example("")
@example("ä")
@example("=")
@example("A" * 10_000)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(CursorError, match="not a cursor of this list"):
        cursor.read(text, Shelf)


@pytest.mark.parametrize(
    "content",
    ['["shelf",-1,"a"]', f'["shelf",{2**63},"a"]', '["shelf",1]', '["shelf","1","a"]', '{"number":1}', "[]", "null",
     '["shelf",1,null]', '["shelf",1.5,"a"]', "[" * 50_000],
)  # fmt: skip
def test_a_forged_place_is_refused(content: str) -> None:
    forged = base64.urlsafe_b64encode(content.encode()).rstrip(b"=").decode()
    with pytest.raises(CursorError):
        cursor.read(forged, Shelf)


def test_a_cursor_of_another_list_is_refused() -> None:
    text = cursor.write(Drawer(1, "a"))
    places: list[type[Any]] = [Drawer, Shelf]
    assert cursor.read(text, places[0]) == Drawer(1, "a")
    with pytest.raises(CursorError):
        cursor.read(text, places[1])
