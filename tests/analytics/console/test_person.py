"""A person's page: one timeline of events, comments and merges."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import DistinctId, Person
from tests import clock
from tests.analytics.console.pages import Node, Page, visit
from tests.feedback.saying import say
from tests.journey import Journey, shared_ingest
from tests.people import Team

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


def person_of(team: Team, distinct_id: str) -> Person:
    return DistinctId.objects.get(project=team.new.project, distinct_id=distinct_id).person


def page_of(ana: Client, team: Team, distinct_id: str) -> Page:
    return visit(ana, reverse("person", args=[team.slug, person_of(team, distinct_id).pk]))


def entries(page: Page) -> list[Node]:
    """Of the timeline, from the newest down; a session is one."""
    timeline = page.content.one("ol", "timeline")
    return [
        node for node in timeline.children if isinstance(node, Node) and "entry" in node.attributes["class"]
    ]


@pytest.fixture
def mina(team: Team) -> Team:
    """Mina looks around, says who she is, signs up; next day her server speaks for her, and she comments."""
    journey, traits, bought = Journey(team), {"name": "Mina", "plan": "free"}, {"plan": "free", "seats": 4}
    journey.page("laptop", "/", at=clock.day(0), known=False, session="s1")
    journey.page("laptop", "/pricing", at=clock.day(0, minutes=1), known=False, session="s1")
    journey.identify("mina", device="laptop", at=clock.day(0, minutes=2), traits=traits, session="s1")
    journey.track("mina", "signed_up", at=clock.day(0, minutes=3), properties=bought, session="s1")
    journey.track("mina", "invoice_paid", at=clock.day(1), properties={"amount": 12})
    words = "Where do I invite Bo?\nI looked everywhere."
    say(team, "mina", words, reaction="confusing", at=clock.day(1, hours=2))
    journey.enriched()
    return team


def test_it_works(ana: Client, mina: Team) -> None:
    page = page_of(ana, mina, "mina")
    assert page.status == 200
    assert page.content.one("h1").text == "Mina"


def test_the_timeline_is_one_story_newest_first(ana: Client, mina: Team) -> None:
    texts = [entry.text for entry in entries(page_of(ana, mina, "mina"))]
    assert "left a comment confusing" in texts[0]
    assert "invoice paid" in texts[1]
    assert "Merged: " in texts[2]
    assert "4 events in 3 min" in texts[3]


def test_a_session_folds_its_events(ana: Client, mina: Team) -> None:
    session = entries(page_of(ana, mina, "mina"))[-1]
    inside = [line.one("p", "sentence").text for line in session.all("li", "line")]
    assert inside == ["signed up", "was identified as mina", "viewed /pricing", "viewed /"]
    assert session.all("details")


def test_facts_of_an_event_stand_under_it(ana: Client, mina: Team) -> None:
    session = entries(page_of(ana, mina, "mina"))[-1]
    [signed_up] = [line for line in session.all("li", "line") if "signed up" in line.text]
    assert [fact.text for fact in signed_up.one("dl", "props").all("div")] == ["plan free", "seats 4"]


def test_a_comment_shows_its_reaction_and_its_words(ana: Client, mina: Team) -> None:
    comment = entries(page_of(ana, mina, "mina"))[0]
    assert comment.one("span", "badge").text == "confusing"
    assert comment.one("blockquote").text == "Where do I invite Bo? I looked everywhere."


def test_facts_stand_beside_it(ana: Client, mina: Team) -> None:
    [aside] = page_of(ana, mina, "mina").content.all("aside")
    assert "Events 6" in aside.text
    assert "Sessions 1" in aside.text
    assert "plan free" in aside.text
    assert "laptop" in aside.text


def test_values_of_facts_are_written_as_in_the_timeline(ana: Client, team: Team) -> None:
    traits = {"tags": ["a", {"c": True}], "beta": True}
    Journey(team).identify("mina", traits=traits).enriched()
    page = page_of(ana, team, "mina")
    [aside] = page.content.all("aside")
    for text in (aside.text, entries(page)[0].text):
        assert '["a", {"c": true}]' in text
    assert "beta true" in aside.text


def test_what_changed_about_a_person_stands_where_it_changed(ana: Client, team: Team) -> None:
    first = {"plan": "free", "city": "Rome", "$initial_referrer": "https://search.example"}
    journey = Journey(team).identify("mina", at=clock.day(0), traits=first)
    journey.identify("mina", at=clock.day(1), traits=first)
    journey.track("mina", "upgraded", at=clock.day(2), properties={"$set": {"plan": "pro", "city": None}})
    journey.track("mina", "moved", at=clock.day(3), properties={"$set": dict.fromkeys("edcba", 1)})
    journey.enriched()
    moved, upgraded, repeated, begun = entries(page_of(ana, team, "mina"))
    assert "a: 1 b: 1 c: 1 and 2 more d: 1 e: 1" in moved.text
    assert "city: Rome removed plan: free to pro" in upgraded.text
    assert "city: Rome plan: free" in begun.text
    assert "$initial" not in begun.text
    assert "plan" not in repeated.text


def test_a_merge_by_identify_is_in_the_story(ana: Client, mina: Team) -> None:
    [joined] = [
        entry for entry in entries(page_of(ana, mina, "mina")) if "joined" in entry.attributes["class"]
    ]
    assert joined.one("p", "sentence").text == "Merged: laptop and mina"


def test_a_refused_merge_is_on_both_pages_with_its_reason(ana: Client, mina: Team) -> None:
    Journey(mina).identify("noor", device="mina", at=clock.day(2)).enriched()
    for who in ("mina", "noor"):
        refused = [e for e in entries(page_of(ana, mina, who)) if "refused" in e.attributes["class"]]
        assert len(refused) == 1, who
        assert "Not merged" in refused[0].text
        assert refused[0].one("p", "faint").text


def test_who_was_merged_away_leads_to_who_they_are(ana: Client, mina: Team) -> None:
    Journey(mina).track("minas-phone", "opened", at=clock.day(2), known=False).enriched()
    gone = person_of(mina, "minas-phone").pk
    Journey(mina).identify("mina", device="minas-phone", at=clock.day(2, hours=1)).enriched()
    page = visit(ana, reverse("person", args=[mina.slug, gone]))
    assert page.address == reverse("person", args=[mina.slug, person_of(mina, "mina").pk])
    assert any("opened" in entry.text for entry in entries(page))


def test_times_are_the_projects(ana: Client, mina: Team) -> None:
    mina.new.project.timezone = "Asia/Tokyo"
    mina.new.project.save()
    session = entries(page_of(ana, mina, "mina"))[-1]
    assert session.one("summary").one("time").text == "14:00"


def test_an_older_story_is_read_page_by_page(ana: Client, team: Team) -> None:
    journey = Journey(team)
    for number in range(150):
        journey.track("mina", f"step_{number:03}", at=clock.day(number / 10))
    journey.enriched()
    page, told = page_of(ana, team, "mina"), list[str]()
    while True:
        told += [entry.one("p", "sentence").text for entry in entries(page)]
        more = [link for link in page.content.all("a") if link.text == "Show earlier"]
        if not more:
            break
        page = visit(ana, page.link("Show earlier"))
    assert told == [f"step {number:03}" for number in reversed(range(150))]
    assert "Start of the timeline" in page.content.text


def test_earlier_entries_come_as_a_fragment_too(ana: Client, team: Team) -> None:
    journey = Journey(team)
    for number in range(70):
        journey.track("mina", f"step_{number:03}", at=clock.day(number / 10))
    journey.enriched()
    earlier = page_of(ana, team, "mina").link("Show earlier")
    fragment = visit(ana, earlier, **{"HX-Request": "true"})
    assert not fragment.root.all("main")
    assert len(fragment.root.all("li", "line")) == 10


def test_news_come_only_when_there_are_any(ana: Client, mina: Team) -> None:
    page = page_of(ana, mina, "mina")
    badge = page.content.one("span", "live")
    address, token = badge.attributes["data-live"], badge.attributes["data-token"]
    assert ana.get(address, {"seen": token}).status_code == 204
    Journey(mina).track("mina", "note_shared", at=clock.day(3)).enriched()
    news = ana.get(address, {"seen": token})
    assert news.status_code == 200
    assert "note shared" in news.content.decode()
    assert f'data-token="{token}"' not in news.content.decode()


@pytest.mark.parametrize("place", ["name", "trait", "fact", "event", "property", "path", "comment", "id"])
def test_whatever_clients_send_stays_text(place: str, ana: Client, team: Team) -> None:
    journey = Journey(team)
    id = HOSTILE if place == "id" else "mina"
    traits: dict[str, dict[str, Any]] = {
        "name": {"name": HOSTILE},
        "trait": {HOSTILE: HOSTILE},
        "fact": {"a": HOSTILE, HOSTILE: 1},
    }
    journey.identify(id, traits=traits.get(place, {}), at=clock.day(0))
    facts = {HOSTILE: HOSTILE} if place == "property" else {}
    journey.track(id, HOSTILE if place == "event" else "did", properties=facts)
    journey.page(id, f"/{HOSTILE}" if place == "path" else "/", session="s")
    if place == "comment":
        say(team, id, HOSTILE)
    journey.enriched()
    page = page_of(ana, team, id)
    assert page.status == 200
    assert "<img" not in page.html
    assert "<script>alert" not in page.html
    assert HOSTILE in page.content.text or place == "path"


def test_an_id_that_is_nobodys(ana: Client, team: Team) -> None:
    assert ana.get(reverse("person", args=[team.slug, 2**40])).status_code == 404
    assert ana.get(f"/projects/{team.slug}/people/{2**70}/").status_code == 404


def test_a_place_that_is_none(ana: Client, mina: Team) -> None:
    address = reverse("person", args=[mina.slug, person_of(mina, "mina").pk])
    assert visit(ana, f"{address}?before=nonsense").status == 400


def test_a_number_of_thousands_of_digits_is_shown_like_any_other(ana: Client, team: Team) -> None:
    call = f'{{"userId":"mina","event":"counted","properties":{{"grains":{"9" * 5_000},"boards":1e400}}}}'
    assert shared_ingest().post("/v1/track", call, key=team.write_key).status_code == 200
    Journey(team).enriched()
    page = page_of(ana, team, "mina")
    assert page.status == 200
    assert "counted" in page.content.text


def test_news_are_the_newest_whatever_else_is_asked(ana: Client, mina: Team) -> None:
    address = page_of(ana, mina, "mina").content.one("span", "live").attributes["data-live"]
    assert ana.get(address, {"before": "x"}).status_code == 200
