"""The team's side of a thread: replies, promises, notes, assignment, tags and duplicates, without a screen."""

import datetime as dt

import pytest

from analytics.record.callers import Caller
from feedback import threads
from feedback.comments import CommentError, delete_comment, set_status
from feedback.duplicates import DuplicateError, merge_duplicate, undo_duplicate
from feedback.labels import MAX_TAGS, LabelError, add_tag, assign, remove_tag
from feedback.models import Comment, Note, Reply, StatusChange, Tag, Verdict
from feedback.notes import NoteError, add_note, delete_note, edit_note
from feedback.promises import (
    PromiseError,
    decline,
    keep_promise,
    make_promise,
    open_promises,
    withdraw_promise,
)
from feedback.replies import ReplyError, delete_reply, edit_reply, reply_as_person, reply_as_team
from feedback.verdicts import VerdictError, give_verdict
from tests import people
from tests.analytics.api.client import Api
from tests.feedback.inbox_rows import waiting
from tests.feedback.saying import said, say
from tests.people import Team

FRIDAY = dt.date(2026, 6, 12)
STATUS = Comment.Status


@pytest.fixture
def export(team: Team) -> Comment:
    """Ana cannot find the export."""
    return say(team, "ana", "Where is the export?", reaction="confusing", user_known=2)


def fresh(comment: Comment) -> Comment:
    return Comment.objects.get(pk=comment.pk)


def seen_by(team: Team, user: str) -> list[threads.Thread]:
    return threads.read(Caller(project_id=team.id, user=user, verified=True))


def test_a_promise_is_made_kept_and_confirmed(team: Team, export: Comment) -> None:
    make_promise(export, member=team.bo, text="An export button, top right.", due=FRIDAY)
    [thread] = seen_by(team, "ana")
    assert thread.status == "promised"
    assert thread.promise == threads.PromiseMade("An export button, top right.", FRIDAY, None)
    assert thread.asks is None
    promise = keep_promise(export, member=team.bo)
    [thread] = seen_by(team, "ana")
    assert (thread.status, thread.asks) == ("done", "works")
    assert promise.kept_at is not None
    given = give_verdict(fresh(export), said(team, "ana", user_known=2), verdict=Verdict.Kind.WORKS)
    assert given.verdict.verified
    [thread] = seen_by(team, "ana")
    assert (thread.status, thread.asks) == ("done", None)
    assert [event["event"] for event in waiting(team.id)] == ["$comment", "$verdict"]
    changes = StatusChange.objects.filter(comment=export).values_list("before", "after", "member__username")
    assert list(changes) == [
        ("new", "promised", team.bo.username), ("promised", "done", team.bo.username),
    ]  # fmt: skip


def test_still_not_opens_it_again(team: Team, export: Comment) -> None:
    set_status(export, STATUS.DONE, by=team.bo)
    columns = said(team, "ana", user_known=2)
    statuses = {
        give_verdict(fresh(export), columns, verdict=Verdict.Kind.STILL_NOT, text="It hangs.").is_new
        for _ in range(3)
    }
    assert statuses == {True, False}
    assert fresh(export).status == STATUS.OPEN
    assert Verdict.objects.get(comment=export).text == "It hangs."
    assert len(waiting(team.id)) == 2
    with pytest.raises(VerdictError, match="nothing is asked"):
        give_verdict(fresh(export), said(team, "ana"), verdict=Verdict.Kind.WORKS)


def test_there_is_one_open_promise(team: Team, export: Comment) -> None:
    make_promise(export, member=team.bo, text="Soon.")
    with pytest.raises(PromiseError, match="has an open promise"):
        make_promise(export, member=team.ana, text="Sooner.")
    withdraw_promise(export, member=team.bo)
    assert fresh(export).status == STATUS.OPEN
    assert seen_by(team, "ana")[0].promise is None
    make_promise(export, member=team.ana, text="This week.", due=FRIDAY)
    assert [each.text for each in open_promises(team.new.project)] == ["This week."]
    decline(export, member=team.ana)
    assert (fresh(export).status, list(open_promises(team.new.project))) == (STATUS.DECLINED, [])
    for verb in (keep_promise, withdraw_promise):
        with pytest.raises(PromiseError, match="no open promise"):
            verb(export, member=team.bo)


def test_the_most_urgent_promise_comes_first(team: Team) -> None:
    for text, due in (("later", FRIDAY + dt.timedelta(7)), ("some day", None), ("soon", FRIDAY)):
        make_promise(say(team, "ana", text), member=team.bo, text=text, due=due)
    assert [each.text for each in open_promises(team.new.project)] == ["soon", "later", "some day"]


def test_those_who_said_the_same_are_told_together(team: Team, export: Comment) -> None:
    same = say(team, "cy", "I cannot export.", user_known=2)
    merge_duplicate(same, export, member=team.bo)
    make_promise(fresh(export), member=team.bo, text="A button.")
    keep_promise(export, member=team.bo)
    for user in ("ana", "cy"):
        [thread] = seen_by(team, user)
        assert (thread.status, thread.asks, len(thread.messages)) == ("done", "works", 1), user
    give_verdict(fresh(same), said(team, "cy"), verdict=Verdict.Kind.STILL_NOT)
    assert (fresh(same).status, fresh(export).status) == (STATUS.OPEN, STATUS.DONE)


def test_a_merge_can_be_undone(team: Team, export: Comment) -> None:
    same = say(team, "cy", "I cannot export.")
    set_status(export, STATUS.DECLINED, by=team.bo)
    merge_duplicate(same, export, member=team.bo)
    assert (fresh(same).status, fresh(same).merged_into) == (STATUS.DECLINED, export)
    undo_duplicate(fresh(same), member=team.bo)
    assert (fresh(same).status, fresh(same).merged_into) == (STATUS.NEW, None)
    with pytest.raises(DuplicateError, match="is no duplicate"):
        undo_duplicate(fresh(same), member=team.bo)


def test_what_was_merged_before_goes_along(team: Team, export: Comment) -> None:
    one, two = say(team, "cy", "one"), say(team, "bo", "two")
    merge_duplicate(two, one, member=team.bo)
    merge_duplicate(fresh(one), export, member=team.bo)
    assert {each.pk for each in fresh(export).duplicates.all()} == {one.pk, two.pk}


def test_what_cannot_be_merged(team: Team, export: Comment) -> None:
    with pytest.raises(DuplicateError, match="into itself"):
        merge_duplicate(export, export, member=team.bo)
    with pytest.raises(DuplicateError, match="two projects"):
        merge_duplicate(say(people.assemble(), "ana", "Elsewhere."), export, member=team.bo)
    same = say(team, "cy", "Same.")
    merge_duplicate(same, export, member=team.bo)
    with pytest.raises(DuplicateError, match="a duplicate already"):
        merge_duplicate(fresh(same), say(team, "bo", "Other."), member=team.bo)
    with pytest.raises(DuplicateError, match="into itself"):
        merge_duplicate(export, fresh(same), member=team.bo)


def test_a_members_reply_names_them_without_their_address(team: Team, export: Comment) -> None:
    team.bo.username = "bo@company.example"
    team.bo.save()
    left = reply_as_team(export, member=team.bo, text="Top right.")
    assert left.reply.name == "bo"
    team.bo.first_name = "Bo"
    assert reply_as_team(export, member=team.bo, text="And below.").reply.name == "Bo"
    assert [event["event"] for event in waiting(team.id)] == ["$comment"], "an answer makes nobody active"


def test_a_reply_changes_and_goes_everywhere_at_once(team: Team, export: Comment) -> None:
    reply = reply_as_team(export, member=team.bo, text="Top left.").reply
    edit_reply(reply, text="Top right.")
    api = Api(team.api_key)
    [row] = api.rows("comments")
    assert [(each["from"], each["text"]) for each in row["thread"]] == [("team", "Top right.")]
    assert row["verified"]
    since = api.get("comments").json["since"]
    delete_reply(reply)
    [row] = api.get("comments", since=since).json["comments"]
    assert row["thread"] == []
    assert seen_by(team, "ana")[0].messages[1:] == []
    again = reply_as_team(export, member=team.bo, text="Top left.", message_id=reply.message_id)
    assert not again.is_new, "sent again, it does not come back"
    with pytest.raises(ReplyError, match="deleted"):
        edit_reply(reply, text="Back?")


def test_a_message_id_of_another_thread_is_refused(team: Team, export: Comment) -> None:
    other = say(team, "cy", "Hello.")
    columns = said(team, "ana")
    reply_as_person(export, columns, text="Mine.")
    with pytest.raises(ReplyError, match="another message"):
        reply_as_person(other, columns, text="Mine.")
    with pytest.raises(ReplyError, match="another message"):
        reply_as_team(export, member=team.bo, text="Mine.", message_id=columns.id)


@pytest.mark.parametrize("text", ["", "  \n", "x" * 20_001])
def test_a_reply_has_words(team: Team, export: Comment, text: str) -> None:
    with pytest.raises(ReplyError):
        reply_as_team(export, member=team.bo, text=text)


def test_the_whole_thread_goes_with_its_comment(team: Team, export: Comment) -> None:
    reply_as_team(export, member=team.bo, text="zebra")
    add_note(export, member=team.bo, text="zebra")
    make_promise(export, member=team.bo, text="zebra")
    delete_comment(export)
    assert seen_by(team, "ana") == []
    assert not Reply.objects.filter(comment=export).exclude(text="").exists()
    assert not Note.objects.filter(comment=export).exists()
    for verb in (
        lambda: reply_as_team(export, member=team.bo, text="Hello?"),
        lambda: add_note(export, member=team.bo, text="Hello?"),
        lambda: make_promise(export, member=team.bo, text="Hello?"),
        lambda: add_tag(export, "late"),
        lambda: assign(export, team.bo),
    ):
        with pytest.raises(CommentError):
            verb()


def test_notes_stay_inside(team: Team, export: Comment) -> None:
    note = add_note(export, member=team.bo, text="She is our first customer.")
    edit_note(note, text="She is our second customer.")
    assert "customer" not in str(seen_by(team, "ana"))
    assert "customer" not in str(Api(team.api_key).rows("comments"))
    delete_note(note)
    assert not Note.objects.filter(comment=export).exists()
    with pytest.raises(NoteError):
        add_note(export, member=team.bo, text=" ")


def test_only_those_who_may_edit_take_care(team: Team, export: Comment) -> None:
    assign(export, team.bo)
    assert fresh(export).assignee == team.bo
    for stranger in (team.cy, team.dee):
        with pytest.raises(LabelError, match="cannot take care"):
            assign(export, stranger)
    assign(export, None)
    assert fresh(export).assignee is None


def test_tags(team: Team, export: Comment) -> None:
    add_tag(export, "  big   customer ")
    add_tag(export, "Big customer")
    assert [row["tags"] for row in Api(team.api_key).rows("comments")] == [["big customer"]]
    remove_tag(export, "BIG CUSTOMER")
    assert not Tag.objects.filter(project=team.id).exists()
    for bad in ("", " ", "x" * 41):
        with pytest.raises(LabelError):
            add_tag(export, bad)
    for number in range(MAX_TAGS):
        add_tag(export, f"tag {number}")
    with pytest.raises(LabelError, match=f"{MAX_TAGS} tags"):
        add_tag(export, "one more")
