"""A comment is counted once, whenever and however often it is sent, and whatever runs in between."""

from analytics.pipeline import until_idle
from analytics.query.overview import overview
from analytics.query.persons import by_distinct_ids
from feedback.comment_access import comments_of
from tests import clock
from tests.feedback.embed.sending import SAID, decoded, send
from tests.feedback.saying import say
from tests.journey import Journey
from tests.people import Team, assemble


def test_sent_again_after_it_was_counted(team: Team) -> None:
    sent = SAID | {"messageId": "the-first-thing-ana-said"}
    receipts = set()
    for _ in range(3):
        receipts.add(decoded(send(team, sent))["receipt"])
        until_idle()
    held = overview(team.new.project)
    assert (comments_of(team.new.project).count(), held.events, held.people) == (1, 1, 1)
    assert len(receipts) == 1


def test_a_comment_makes_its_author_known(team: Team) -> None:
    send(team, SAID)
    until_idle()
    ana = by_distinct_ids(team.new.project, ["ana", "nobody"])
    assert set(ana) == {"ana"}
    assert ana["ana"].identified


def test_what_was_said_before_signing_up_joins_its_person(team: Team) -> None:
    say(team, "laptop", "What is this?", user_known=False, at=clock.day(0))
    until_idle()
    Journey(team).identify("ana", device="laptop", at=clock.day(1)).through()
    found = by_distinct_ids(team.new.project, ["laptop", "ana"])
    assert found["laptop"] == found["ana"]
    assert overview(team.new.project).people == 1


def test_one_name_in_two_projects_is_two_people(team: Team) -> None:
    neighbours = assemble()
    for one in (team, neighbours):
        say(one, "ana", "Hello.")
    until_idle()
    here, there = (by_distinct_ids(one.new.project, ["ana"])["ana"] for one in (team, neighbours))
    assert here.id != there.id
