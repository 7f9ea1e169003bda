"""The demo's history: the same for the same seed, with all that real histories have."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

from analytics.demo.cast import LAUNCH, LAUNCH_POST
from analytics.demo.comment_texts import TEXTS
from analytics.demo.diary import Call
from analytics.demo.story import Story, generate
from analytics.schema import REACTIONS

UNTIL = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
SINCE = UNTIL - dt.timedelta(days=60)


@pytest.fixture(scope="module")
def story() -> Story:
    return generate(seed=1, people=100, days=60, until=UNTIL)


def of_users(calls: Iterable[Call]) -> dict[str, list[Call]]:
    """Calls by user id, of those that carry one."""
    found = defaultdict[str, list[Call]](list)
    for call in calls:
        if "userId" in call.payload:
            found[call.payload["userId"]].append(call)
    return found


def test_the_same_arguments_give_the_same_history(story: Story) -> None:
    assert generate(seed=1, people=100, days=60, until=UNTIL) == story


def test_another_seed_gives_other_people(story: Story) -> None:
    other = generate(seed=2, people=100, days=60, until=UNTIL)
    assert not set(of_users(other.calls)) & set(of_users(story.calls))
    assert not ids(other) & ids(story)


def ids(story: Story) -> set[str]:
    return {call.payload["messageId"] for call in story.calls} | {
        str(comment.message_id) for comment in story.comments
    }


def test_more_people_do_not_change_the_others(story: Story) -> None:
    assert ids(story) < ids(generate(seed=1, people=120, days=60, until=UNTIL))


def test_no_message_is_sent_twice(story: Story) -> None:
    assert len(ids(story)) == len(story.calls) + len(story.comments)


def test_it_happens_in_order_and_in_time(story: Story) -> None:
    times = [call.at for call in story.calls]
    assert times == sorted(times)
    assert times[0] >= SINCE
    assert times[-1] <= UNTIL
    assert all(SINCE <= comment.created_at <= UNTIL for comment in story.comments)


def test_people_look_around_before_they_sign_up(story: Story) -> None:
    [first, *_] = story.calls
    assert "userId" not in first.payload
    signed_up = {call.payload["anonymousId"] for call in story.calls if call.payload.get("event") == "signup"}
    looked = {call.payload["anonymousId"] for call in story.calls if "userId" not in call.payload}
    assert signed_up <= looked
    assert looked - signed_up, "some only look"


def test_the_launch_brings_many_at_once(story: Story) -> None:
    launch = SINCE + LAUNCH * (UNTIL - SINCE)
    arrivals = [
        call.at
        for call in story.calls
        if call.payload["context"]["page"].get("referrer") == LAUNCH_POST.referrer
    ]
    assert len(arrivals) >= 25
    assert sum(launch <= at <= launch + dt.timedelta(days=2) for at in arrivals) > 0.85 * len(arrivals)


def test_they_live_in_several_time_zones(story: Story) -> None:
    assert len({call.payload["context"]["timezone"] for call in story.calls}) >= 5


def test_some_use_two_devices_and_some_share_one(story: Story) -> None:
    devices, users = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for user, calls in of_users(story.calls).items():
        for call in calls:
            devices[user].add(call.payload["anonymousId"])
            users[call.payload["anonymousId"]].add(user)
    assert any(len(own) == 2 for own in devices.values())
    assert any(len(sharing) == 2 for sharing in users.values())


def test_some_make_it_a_habit_and_some_leave(story: Story) -> None:
    weeks = {
        user: {call.at.isocalendar()[:2] for call in calls} for user, calls in of_users(story.calls).items()
    }
    assert max(map(len, weeks.values())) >= 6
    assert sum(len(active) == 1 for active in weeks.values()) >= 10


def test_exceptions_are_rare(story: Story) -> None:
    events = Counter(call.payload.get("event") for call in story.calls)
    assert 0 < events["$exception"] < events["note edited"] / 5


def test_all_four_reactions_come_with_and_without_text(story: Story) -> None:
    assert {comment.reaction for comment in story.comments} == set(REACTIONS) == set(TEXTS)
    assert all(comment.text in TEXTS[comment.reaction] for comment in story.comments)
    assert any(comment.text for comment in story.comments)
    assert any(not comment.text for comment in story.comments)


def test_no_session_is_cut_in_two(story: Story) -> None:
    """Pages on a second device without the sign-in after them would count as another person."""
    known = {call.payload["anonymousId"] for call in story.calls if call.payload["type"] == "identify"}
    seconds = {call.payload["anonymousId"] for call in story.calls if call.payload.get("event") == "signin"}
    assert seconds <= known
    last = {call.session: call for call in story.calls}
    assert not any(call.payload["context"]["page"]["path"] == "/signin" for call in last.values())


@pytest.mark.parametrize(("people", "days"), [(1, 1), (3, 1), (40, 365)])
def test_any_size_can_be_generated(people: int, days: int) -> None:
    story = generate(seed=7, people=people, days=days, until=UNTIL)
    assert len({call.payload["anonymousId"] for call in story.calls}) >= people * 0.9
