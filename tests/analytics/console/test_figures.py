"""Numbers told honestly, without a database: figures, bars and their scale."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.insights.trends.answer import Point, TrendSeries
from dashboard.charts import chart, of_periods
from dashboard.figures import Figure
from dashboard.formats import number as shown
from dashboard.formats import percent
from dashboard.formats import period as period_name


def test_few_are_named() -> None:
    figure = Figure(2, 5, interval=(0.1, 0.7), names=("Ana Lindqvist", "Bo Mertens"))
    assert figure.is_small
    assert figure.sentence == "2 of 5: Ana Lindqvist, Bo Mertens"
    assert figure.given_names == ["Ana", "Bo"]


def test_many_are_a_rate_with_its_interval() -> None:
    figure = Figure(53, 86, interval=(0.5107, 0.7119))
    assert not figure.is_small
    assert figure.sentence == "62 %, 53 of 86; 95 % interval 51–71 %"


def test_what_runs_is_not_yet_known() -> None:
    assert Figure(0, 50, complete=False).sentence == "not yet known: this period has not ended"
    assert Figure(7, 50, complete=False).sentence == "7 of 50: this period has not ended"


@pytest.mark.parametrize(
    ("rate", "expected"), [(0, "0 %"), (0.001, "<1 %"), (0.5, "50 %"), (0.999, ">99 %"), (1, "100 %")]
)
def test_somebody_is_never_nobody(rate: float, expected: str) -> None:
    assert percent(rate) == expected


@given(of=st.integers(0, 10**7), share=st.floats(0, 1))
def test_heat_is_zero_for_nobody_only(of: int, share: float) -> None:
    figure = Figure(round(of * share), of)
    assert 0 <= figure.heat <= 10
    assert (figure.heat == 0) == (figure.people == 0)


def series(values: list[float | None]) -> TrendSeries:
    start = dt.date(2026, 1, 1)
    days = [(start + dt.timedelta(days=number)).isoformat() for number in range(len(values))]
    points = [
        Point(day, value, int(value or 0), complete=True) for day, value in zip(days, values, strict=True)
    ]
    return TrendSeries("came", "came", "people", None, None, None, points)


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**9), st.floats(0, 10**6)), max_size=400))
def test_every_bar_fits_under_a_round_scale(values: list[float | None]) -> None:
    drawn = chart(of_periods(series(values).points, "day", lambda start: start))
    assert all(0 <= bar.height <= 100 for bar in drawn.bars)
    assert 2 <= len(drawn.lines) <= 7
    depths = [depth for _, depth in drawn.lines]
    assert (depths[0], depths[-1]) == (100, 0)
    assert sum(bool(bar.column.tick) for bar in drawn.bars) <= 10


def hours(number: int) -> TrendSeries:
    start = dt.datetime(2026, 3, 28, tzinfo=dt.UTC)
    starts = [(start + dt.timedelta(hours=one)).isoformat() for one in range(number)]
    return TrendSeries(
        "came", "came", "people", None, None, None, [Point(one, 1, 1, complete=True) for one in starts]
    )


def ticks(drawn: TrendSeries) -> list[str]:
    return [
        bar.column.tick
        for bar in chart(of_periods(drawn.points, "hour", lambda start: "")).bars
        if bar.column.tick
    ]


def test_the_hours_of_a_day_are_told_by_the_clock_those_of_a_week_by_their_days() -> None:
    assert ticks(hours(24))[:3] == ["00:00", "03:00", "06:00"]
    assert ticks(hours(24 * 5)) == ["28 Mar", "29 Mar", "30 Mar", "31 Mar", "1 Apr"]


@pytest.mark.parametrize("complete", [True, False])
def test_a_chart_knows_whether_its_last_period_still_runs(complete: bool) -> None:
    points = [Point("2026-01-01", 1, 1, complete=True), Point("2026-01-02", 1, 1, complete=complete)]
    drawn = chart(of_periods(points, "day", lambda start: ""))
    assert drawn.is_running is not complete


@pytest.mark.parametrize(
    ("highest", "scale"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (7, ["0", "2", "4", "6", "8"]),
        (21, ["0", "10", "20", "30"]),
        (1000, ["0", "250", "500", "750", "1\u202f000"]),
        (0.5, ["0", "0.20", "0.40", "0.60"]),
        (5e-324, ["0", "1"]),
    ],
)
def test_scales_are_round(highest: float, scale: list[str]) -> None:
    assert [
        text for text, _ in chart(of_periods(series([highest]).points, "day", lambda start: start)).lines
    ] == scale


def test_a_bar_of_nobody_leads_nowhere() -> None:
    nobody, somebody = chart(of_periods(series([0, 2]).points, "day", lambda start: f"?{start}")).bars
    assert (nobody.column.href, somebody.column.href) == ("", "?2026-01-02")
    assert somebody.sentence == "Fri 2 Jan: 2 people"


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-01-05", "week", "5 Jan 2026"),
        ("2026-01-05", "day", "Mon 5 Jan"),
        ("2026-01-01", "month", "Jan 2026"),
        ("2026-01-05T14:00+01:00", "hour", "5 Jan 14:00"),
    ],
)
def test_periods_have_names(start: str, period: str, expected: str) -> None:
    assert period_name(start, period) == expected


@pytest.mark.parametrize(("value", "expected"), [(3, "3"), (1234567, "1\u202f234\u202f567"), (1.5, "1.50")])
def test_numbers(value: float, expected: str) -> None:
    assert shown(value) == expected
