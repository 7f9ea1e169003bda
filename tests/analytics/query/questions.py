"""What tests ask: events sent as PostHog's clients send them, questions as the API takes them."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from analytics.pipeline import until_idle
from tests.analytics.api.client import Api
from tests.journey import shared_ingest
from tests.people import Team
from tests.reference import Happened


def happened(event: str, moments: Mapping[str, Iterable[dt.datetime]]) -> list[Happened]:
    """The same event of several people."""
    return [Happened(person, event, at) for person, times in moments.items() for at in times]


def send(team: Team, events: Iterable[Happened], *, same: Mapping[str, str] | None = None) -> None:
    """POST /batch/, then the whole pipeline. `same`: anonymous id -> the id that turns out to be the same person.

    What nobody did is sent as a server does it: under a made-up id, and without a person.
    """
    batch = [
        {
            "uuid": str(uuid.uuid4()),
            "event": one.event,
            "distinct_id": one.person or str(uuid.uuid4()),
            "timestamp": one.at.isoformat(),
            "properties": one.properties | ({} if one.person else {"$process_person_profile": False}),
        }
        for one in events
    ]
    first = min(str(event["timestamp"]) for event in batch)
    for anonymous, known in (same or {}).items():
        properties = {"$anon_distinct_id": anonymous}
        link = {"event": "$identify", "distinct_id": known, "timestamp": first, "properties": properties}
        batch.append(link | {"uuid": str(uuid.uuid4())})
    answer = shared_ingest().post("/batch/", {"api_key": team.write_key, "batch": batch})
    assert answer.status_code == 200, answer.text
    until_idle()


def retention(team: Team, **body: Any) -> Any:
    """The answer of POST /api/v1/insights/retention; `return_` and `from_` as the body names them without the bar."""
    return ask(team, "insights/retention", **body)


def ask(team: Team, path: str, **body: Any) -> Any:
    answer = Api(team.api_key).post(path, {name.rstrip("_"): value for name, value in body.items()})
    assert answer.status == 200, answer.body
    return answer.json


def triangle(answer: Any) -> list[list[int]]:
    return [[value["people"] for value in cohort["values"]] for cohort in answer["cohorts"]]
