"""An event in the lake, from the request to every place where it is read. Also run by test_elsewhere.py."""

import datetime as dt
from collections.abc import Mapping

import pytest

from analytics.lake import load, table
from analytics.lake.columns import EVENTS
from analytics.rollup import maintenance
from analytics.rollup.refresh import rollup
from tests import clock
from tests.analytics.api.client import Api
from tests.analytics.api.test_events import expire
from tests.journey import Journey
from tests.people import Team

DAYS = {"from": "2020-06-10", "to": "2020-06-12"}
SERVED = {**DAYS, "kind": "recurring", "period": "day"}
FREE = [{"property": "plan", "on": "event", "op": "is", "value": "free"}]
COUNTED = SERVED | {"start": {"event": "wrote", "where": FREE}, "return": {"event": "wrote", "where": FREE}}
WEEKS_LATER = dt.date(2020, 8, 1)


def wrote(team: Team, days: dict[str, tuple[int, ...]]) -> Journey:
    """Everything is in the lake afterwards, in many small files."""
    journey = Journey(team)
    for who, each in days.items():
        for number in each:
            journey.track(who, "wrote", at=clock.day(number), properties={"plan": "free"})
    journey.enriched()
    while load.load(limit=2).rows:
        pass
    rollup()
    return journey


def retention(api: Api, body: Mapping[str, object]) -> list[list[int]]:
    answer = api.post("insights/retention", body)
    assert answer.status == 200, answer.body
    return [[value["people"] for value in cohort["values"]] for cohort in answer.json["cohorts"]]


def timeline(api: Api, who: str) -> list[str]:
    [found] = api.rows("people", distinct_id=who)
    entries = api.get(f"people/{found['id']}/timeline").json["entries"]
    return [entry["event"]["timestamp"][:10] for entry in entries]


@pytest.mark.parametrize("wide", [32 << 10, 1], ids=["narrow", "wide"])
def test_it_is_read_everywhere_after_each_load_and_after_compaction(
    wide: int, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "WIDE", wide)
    monkeypatch.setattr(maintenance, "MAX_WIDE_BYTES", wide)
    api = Api(team.api_key)
    wrote(team, {"ana": (0, 1), "bo": (0,)})
    assert retention(api, SERVED) == retention(api, COUNTED) == [[2, 1, 0], [1, 0], [0]]
    wrote(team, {"ana": (2,) * 7, "cy": (0, 1, 2, 0, 1, 2, 0)})
    expire()
    seen = retention(api, COUNTED), timeline(api, "ana"), api.get("events", format="csv").table
    assert seen[0] == retention(api, SERVED) == [[3, 2, 2], [2, 2], [2]]
    assert seen[1] == ["2020-06-12"] * 7 + ["2020-06-11", "2020-06-10"]
    assert len(seen[2]) == 17

    assert maintenance.compact(WEEKS_LATER) >= 1
    rollup()
    maintenance.vacuum()
    assert len(table.files(EVENTS, team.id, table.version(EVENTS))) == 1
    assert seen == (retention(api, COUNTED), timeline(api, "ana"), api.get("events", format="csv").table)
    assert retention(api, SERVED) == seen[0]


def test_events_that_left_postgres_are_not_stored_twice(team: Team) -> None:
    journey = wrote(team, {"ana": (0, 1)})
    expire()
    journey.send_again().through()
    assert len(Api(team.api_key).rows("events")) == 2
