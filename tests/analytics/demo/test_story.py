"""The story of the demo: the same for the same seed, and with everything in it that real histories have."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

from analytics.demo.cast import LAUNCH, LAUNCH_POST
from analytics.demo.diary import Call
from analytics.demo.story import Story, tell
from analytics.demo.words import WORDS
from analytics.schema import REACTIONS

UNTIL = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
SINCE = UNTIL - dt.timedelta(days=60)


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(seed=1, people=100, days=60, until=UNTIL)


def of_users(calls: Iterable[Call]) -> dict[str, list[Call]]:
    """Calls by user id, of those that carry one."""
    found = defaultdict[str, list[Call]](list)
    for call in calls:
        if "userId" in call.wire:
            found[call.wire["userId"]].append(call)
    return found


def test_the_same_arguments_tell_the_same_story(story: Story) -> None:
    assert tell(seed=1, people=100, days=60, until=UNTIL) == story


def test_another_seed_tells_of_other_people(story: Story) -> None:
    other = tell(seed=2, people=100, days=60, until=UNTIL)
    assert not set(of_users(other.calls)) & set(of_users(story.calls))
    assert not ids(other) & ids(story)


def ids(story: Story) -> set[str]:
    return {call.wire["messageId"] for call in story.calls} | {str(said.message_id) for said in story.said}


def test_more_people_are_more_diaries_not_others(story: Story) -> None:
    assert ids(story) < ids(tell(seed=1, people=120, days=60, until=UNTIL))


def test_no_message_is_sent_twice(story: Story) -> None:
    assert len(ids(story)) == len(story.calls) + len(story.said)


def test_it_happens_in_order_and_in_time(story: Story) -> None:
    times = [call.at for call in story.calls]
    assert times == sorted(times)
    assert times[0] >= SINCE
    assert times[-1] <= UNTIL
    assert all(SINCE <= said.created_at <= UNTIL for said in story.said)


def test_people_look_around_before_they_sign_up(story: Story) -> None:
    [first, *_] = story.calls
    assert "userId" not in first.wire
    signed_up = {call.wire["anonymousId"] for call in story.calls if call.wire.get("event") == "signup"}
    looked = {call.wire["anonymousId"] for call in story.calls if "userId" not in call.wire}
    assert signed_up <= looked
    assert looked - signed_up, "some only look"


def test_the_launch_brings_many_at_once(story: Story) -> None:
    launch = SINCE + LAUNCH * (UNTIL - SINCE)
    arrivals = [
        call.at
        for call in story.calls
        if call.wire["context"]["page"].get("referrer") == LAUNCH_POST.referrer
    ]
    assert len(arrivals) >= 25
    assert sum(launch <= at <= launch + dt.timedelta(days=2) for at in arrivals) > 0.85 * len(arrivals)


def test_they_live_in_several_time_zones(story: Story) -> None:
    assert len({call.wire["context"]["timezone"] for call in story.calls}) >= 5


def test_some_use_two_devices_and_some_share_one(story: Story) -> None:
    devices, users = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for user, calls in of_users(story.calls).items():
        for call in calls:
            devices[user].add(call.wire["anonymousId"])
            users[call.wire["anonymousId"]].add(user)
    assert any(len(own) == 2 for own in devices.values())
    assert any(len(sharing) == 2 for sharing in users.values())


def test_some_make_it_a_habit_and_some_leave(story: Story) -> None:
    weeks = {
        user: {call.at.isocalendar()[:2] for call in calls} for user, calls in of_users(story.calls).items()
    }
    assert max(map(len, weeks.values())) >= 6
    assert sum(len(active) == 1 for active in weeks.values()) >= 10


def test_faults_happen_to_few(story: Story) -> None:
    events = Counter(call.wire.get("event") for call in story.calls)
    assert 0 < events["$exception"] < events["note edited"] / 5


def test_they_say_all_four_in_words_and_without(story: Story) -> None:
    assert {said.reaction for said in story.said} == set(REACTIONS) == set(WORDS)
    assert all(said.text in WORDS[said.reaction] for said in story.said)
    assert any(said.text for said in story.said)
    assert any(not said.text for said in story.said)


def test_no_session_is_cut_in_two(story: Story) -> None:
    """A page of a second device without the sign-in after it would be one person too many."""
    known = {call.wire["anonymousId"] for call in story.calls if call.wire["type"] == "identify"}
    seconds = {call.wire["anonymousId"] for call in story.calls if call.wire.get("event") == "signin"}
    assert seconds <= known
    last = {call.session: call for call in story.calls}
    assert not any(call.wire["context"]["page"]["path"] == "/signin" for call in last.values())


@pytest.mark.parametrize(("people", "days"), [(1, 1), (3, 1), (40, 365)])
def test_any_size_can_be_told(people: int, days: int) -> None:
    story = tell(seed=7, people=people, days=days, until=UNTIL)
    assert len({call.wire["anonymousId"] for call in story.calls}) >= people * 0.9
