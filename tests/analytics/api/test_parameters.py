"""Days and moments of `from` and `to`, as instants."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import parameters
from api.problems import BadParameterError

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2199, 12, 30))
ZONES = st.sampled_from(
    ["UTC", "America/Santiago", "Asia/Kolkata", "Pacific/Apia", "America/Havana", "Africa/Cairo"]
)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-01-31", utc(2026, 1, 30, 23), utc(2026, 1, 31, 23)),
        ("2026-03-29", utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)),
        ("2026-10-25", utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)),
        ("2026-01-31T12:00:00Z", utc(2026, 1, 31, 12), utc(2026, 1, 31, 12, 0, 0, 1)),
        ("2026-01-31T12:00:00+05:30", utc(2026, 1, 31, 6, 30), utc(2026, 1, 31, 6, 30, 0, 1)),
        ("2026-01-31T12:00:00 05:30", utc(2026, 1, 31, 6, 30), utc(2026, 1, 31, 6, 30, 0, 1)),
        ("2026-01-31T12:00:00.5Z", utc(2026, 1, 31, 12, 0, 0, 500_000), utc(2026, 1, 31, 12, 0, 0, 500_001)),
    ],
)
def test_from_and_to_are_both_inclusive(text: str, start: dt.datetime, end: dt.datetime) -> None:
    assert parameters.start_of(text, BERLIN) == start
    assert parameters.end_of(text, BERLIN) == end


def test_left_out_is_no_bound() -> None:
    assert parameters.start_of(None, BERLIN) is None
    assert parameters.end_of(None, BERLIN) is None


@given(DAYS, ZONES)
def test_days_follow_each_other_without_gap_or_overlap(day: dt.date, zone: str) -> None:
    after = day + dt.timedelta(days=1)
    end = parameters.end_of(day.isoformat(), ZoneInfo(zone))
    assert end == parameters.start_of(after.isoformat(), ZoneInfo(zone))


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_a_clear_refusal(text: str) -> None:
    try:
        found = parameters.start_of(text, BERLIN)
    except BadParameterError:
        return
    assert found is not None
    assert found.tzinfo is dt.UTC
