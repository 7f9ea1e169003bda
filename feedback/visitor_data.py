"""What is kept about a visitor, for themselves: to see it and to erase it."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from analytics.query import persons
from analytics.query.persons import PersonDetail, PersonNotFoundError
from analytics.query.timeline import Timeline, timeline
from analytics.record.callers import Caller
from feedback import browsers, threads
from feedback.comments import delete_comment
from feedback.models import Comment, Picture, Prompt, VerifiedUser
from feedback.pictures import discard
from feedback.threads import Thread
from feedback.timeline_comments import TimelineComments
from projects.models import Project

PAGE = 100
"""Sessions and events outside of sessions in one answer."""


@dataclass(frozen=True, slots=True)
class VisitorData:
    """`person` and `timeline` are None if the project knows nothing, or if other users are part of the person."""

    person: PersonDetail | None
    timeline: Timeline | None
    threads: list[Thread]
    answers: list[Prompt]
    email: str
    pictures: list[uuid.UUID]


def read(caller: Caller, *, before: str | None = None) -> VisitorData:
    """`before` is the `next` of an earlier page's timeline. Raises cursor.CursorError."""
    project = Project.objects.get(pk=caller.project_id)
    person = _person(project, caller)
    known = (
        VerifiedUser.objects.filter(project=project, user_id=caller.user).first() if caller.verified else None
    )
    return VisitorData(
        person=person,
        timeline=timeline(project, person.id, before=before, limit=PAGE, comments=TimelineComments())
        if person
        else None,
        threads=threads.read(caller),
        answers=list(_prompts(caller).exclude(answered_at=None)),
        email=known.email if known else "",
        pictures=list(_pictures(caller).values_list("message_id", flat=True)),
    )


@transaction.atomic
def erase(caller: Caller) -> None:
    """Delete the caller's words, pictures, answers and address. Tombstones of comments stay, without words."""
    for comment in threads.threads_of(caller):
        delete_comment(comment)
    discard(_pictures(caller))
    _prompts(caller).delete()
    if caller.verified:
        VerifiedUser.objects.filter(project=caller.project_id, user_id=caller.user).delete()
    elif (browser := browsers.find(caller)) is not None:
        Comment.objects.filter(browser=browser).update(browser=None)
        browser.delete()


def _person(project: Project, caller: Caller) -> PersonDetail | None:
    """The person, unless they are also somebody whom the caller has not proved to be.

    A person may be several users: a member or another user has merged them. One of them must not read of the others.
    """
    browser = None if caller.verified else browsers.find(caller)
    id = caller.user if caller.verified else browser.distinct_id if browser else ""
    try:
        person = persons.get_person(project, persons.find_person(project, id))
    except PersonNotFoundError:
        return None
    users = persons.user_ids(project, person.id)
    return person if users <= ({caller.user} if caller.verified else set()) else None


def _prompts(caller: Caller) -> QuerySet[Prompt]:
    browser = browsers.find(caller)
    id = caller.user if caller.verified else browser.distinct_id if browser else ""
    return Prompt.objects.filter(project=caller.project_id, distinct_id=id)


def _pictures(caller: Caller) -> QuerySet[Picture]:
    browser = browsers.find(caller)
    own = Q(verified_user=caller.user) if caller.verified else Q(browser=browser, verified_user="")
    if browser is None and not caller.verified:
        own = Q(pk__in=[])
    return Picture.objects.filter(own, project=caller.project_id)
