"""Whatever is told about people, by whatever door: their properties are what the history of facts says of them."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics import engine
from analytics.enrich.batches import enrich
from analytics.identity.merges import MergeError, merge, undo
from analytics.metrics.facts import NULL, winning
from analytics.models import DistinctId, IdentityLink, Person
from analytics.pipeline import until_idle
from tests import clock
from tests.examples import examples
from tests.journey import shared_ingest
from tests.people import Team, assemble

IDS = ["a", "b", "ana", "bo"]
VALUES = [
    "free",
    "pro",
    "",
    3,
    2.5,
    2**70,
    True,
    None,
    [1, {"a": 1}],
    {"b": [None]},
    'quo"te',
    "null",
    "x" * 3_000,
]
told = st.dictionaries(
    st.sampled_from(["plan", "city", "", "a/b~c", "*", 'q"']), st.sampled_from(VALUES), max_size=3
)
who = st.sampled_from(IDS)
minute = st.integers(0, 4_000)
Step = Callable[["Story"], None]


class Story:
    """Everything goes in by a public door; members of the team merge and part people in between."""

    def __init__(self, team: Team, batch: int) -> None:
        self.team, self.batch = team, batch

    def segment(self, kind: str, who: str, minute: int, **fields: Any) -> None:
        at = clock.day(0, minutes=minute).isoformat()
        call = {"type": kind, "messageId": str(uuid.uuid4()), "userId": who, "timestamp": at} | fields
        self.post("/v1/batch", {"batch": [call]})

    def posthog(self, event: str, who: str, minute: int, **fields: Any) -> None:
        at = clock.day(0, minutes=minute).isoformat()
        said = {"event": event, "distinct_id": who, "uuid": str(uuid.uuid4()), "timestamp": at} | fields
        self.post("/batch/", {"api_key": self.team.write_key, "batch": [said]})

    def post(self, path: str, body: Any) -> None:
        answer = shared_ingest().post(path, body, key=self.team.write_key)
        assert answer.status_code == 200, answer.text

    def person(self, id: str) -> int | None:
        found = DistinctId.objects.filter(project=self.team.id, distinct_id=id).first()
        return None if found is None else found.person_id

    def enrich(self) -> None:
        while enrich(self.batch).claimed:
            pass

    def merge(self, one: str, other: str) -> None:
        self.enrich()
        kept, gone = self.person(one), self.person(other)
        if kept is not None and gone is not None and kept != gone:
            merge(self.team.new.project, kept, gone, by="bo")

    def undo(self) -> None:
        self.enrich()
        links = IdentityLink.objects.filter(project=self.team.id, refused="").exclude(other=None)
        for link in links.exclude(cause="undo").order_by("-pk")[:1]:
            try:
                undo(link, by="bo")
            except MergeError:
                return


steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda w, m, t: lambda s: s.segment("identify", w, m, traits=t), who, minute, told),
    st.builds(
        lambda w, d, m, t: lambda s: s.segment("identify", w, m, traits=t, anonymousId=d),
        who, who, minute, told,
    ),
    st.builds(
        lambda w, m, t, o: lambda s: s.segment(
            "track", w, m, event="paid", properties={"price": 3, "$set": t, "$set_once": o}
        ),
        who, minute, told, told,
    ),
    st.builds(
        lambda w, m, t: lambda s: s.segment("page", w, m, name="Home", properties={"$set_once": t}),
        who, minute, told,
    ),
    st.builds(
        lambda w, m, t, o: lambda s: s.posthog("$set", w, m, **{"$set": t, "properties": {"$set": o}}),
        who, minute, told, told,
    ),
    st.builds(
        lambda w, m, t, o: lambda s: s.posthog("x", w, m, **{"$set_once": o, "properties": {"$set": t}}),
        who, minute, told, told,
    ),
    st.builds(lambda w, o, m: lambda s: s.segment("alias", w, m, previousId=o), who, who, minute),
    st.builds(lambda w, o: lambda s: s.merge(w, o), who, who),
    st.just(lambda s: s.undo()),
)  # fmt: skip


def check(team: Team) -> dict[int, dict[str, Any]]:
    until_idle()
    history: dict[int, dict[str, Any]] = {}
    with engine.snapshot(team.id) as tables:
        for row in tables.run(winning(tables.facts)).to_pylist():
            if row["value"] != NULL:
                history.setdefault(row["person_id"], {})[row["property"]] = json.loads(row["value"])
    living = Person.objects.filter(project=team.id, merged_into=None)
    known = {person.pk: person.properties for person in living if person.properties}
    assert known == history
    return known


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(story=st.lists(steps, min_size=1, max_size=10), batch=st.integers(1, 6))
def test_any_story(story: list[Step], batch: int) -> None:
    team = assemble()
    scene = Story(team, batch)
    for step in story:
        step(scene)
    scene.enrich()
    check(team)


@pytest.mark.parametrize(
    ("path", "body", "properties"),
    [
        ("/v1/i", '{"userId":"ana","traits":{"plan":"free","plan":"pro","at":1e400,"n":"a\\u0000b"}}',
         {"plan": "pro", "n": "a\ufffdb"}),
        ("/v1/t", '{"userId":"ana","event":"x","properties":{"$set":{"plan":"a"},"$set":{"plan":"b"}}}', {"plan": "b"}),
        ("/v1/t", '{"userId":"ana","event":"x","properties":{"$set":5,"$set_once":["a"]}}', None),
        ("/v1/t", '{"userId":"ana","event":"x","properties":{"\\u0024set":{"plan":"a"}}}', None),
        ("/v1/t", '{"userId":"ana","event":"x","properties":{"\\u0024set":{"plan":"a"}},"context":{"os":"x"}}', None),
        ("/v1/i", '{"userId":"ana","traits":null}', None),
        ("/v1/i", '{"userId":"ana","traits":{"plan":null,"name":"Ana","$set_once":null}}', {"name": "Ana"}),
        ("/e/", '{"event":"x","distinct_id":"ana","$set":{"plan":"a"},"properties":{"\\u0024set":{"plan":"b","n":1}}}',
         {"plan": "a", "n": 1}),
        ("/e/", '{"event":"x","distinct_id":"ana","$set":null,"properties":{"$set":{"plan":"a"}}}', {"plan": "a"}),
        ("/e/", '{"event":"x","distinct_id":"ana","$set":{"plan":"a"},"properties":{"$set":null}}', {"plan": "a"}),
        ("/engage/", '{"$distinct_id":"ana","$set":{"deep":{"\\ud800":NaN}}}', {"deep": {"\ufffd": None}}),
    ],
)  # fmt: skip
def test_what_had_to_be_mended(team: Team, path: str, body: str, properties: dict[str, Any] | None) -> None:
    answer = shared_ingest().post(path, body.encode(), key=team.write_key)
    assert answer.status_code == 200, answer.text
    assert list(check(team).values()) == ([properties] if properties else [])


def test_what_was_refused_tells_nothing(team: Team) -> None:
    said = {"event": "x", "distinct_id": "ana", "$set": {"plan": "a"}, "properties": {"$set": "b"}}
    assert shared_ingest().post("/e/", said, key=team.write_key).status_code == 400
    assert check(team) == {}
