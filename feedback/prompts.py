"""Prompts: a question of a member to one person, asked once, whichever browser they use."""

import datetime as dt
import uuid
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from msgspec import structs

from analytics.query import persons
from analytics.record import ANSWER_EVENT, PROVED, EventColumns, record
from analytics.record.callers import Caller
from dashboard.live import changes as live
from feedback import browsers
from feedback.comment_changes import lock_project
from feedback.models import Prompt
from projects.models import Project

TEXT_LIMIT = 500
MAX_CHOICES = 10
MAX_OPEN = 10
"""Open prompts for one person."""

PAUSE = dt.timedelta(days=1)
"""Between the first showings of two prompts to one person, over all browsers."""


class PromptError(Exception):
    """The prompt cannot be asked or answered. Nothing was changed."""


@transaction.atomic
def ask(
    project: Project,
    distinct_id: str,
    *,
    member: User,
    text: str,
    choices: Sequence[str] = (),
    expires_at: dt.datetime | None = None,
) -> Prompt:
    """Raises PromptError."""
    if not text.strip() or len(text) > TEXT_LIMIT:
        raise PromptError(f"a question has 1 to {TEXT_LIMIT} characters")
    if len(choices) > MAX_CHOICES or any(not each.strip() or len(each) > TEXT_LIMIT for each in choices):
        raise PromptError(f"a question has at most {MAX_CHOICES} answers to choose from, and none is empty")
    lock_project(project.pk)
    if _open(project.pk, _everyone(project.pk, [distinct_id])).count() >= MAX_OPEN:
        raise PromptError(f"this person has {MAX_OPEN} open questions; wait until they have answered some")
    live.publish(project.pk)
    return Prompt.objects.create(
        project=project, distinct_id=distinct_id, member=member, text=text, choices=list(choices),
        expires_at=expires_at,
    )  # fmt: skip


@transaction.atomic
def next_prompt(caller: Caller) -> Prompt | None:
    """The question to ask now; the same one until it is answered, dismissed or expired."""
    ids = ids_of(caller)
    found = _open(caller.project_id, ids).order_by("shown_at", "pk")
    prompt = found.exclude(shown_at=None).first() or found.first()
    if prompt is None or prompt.shown_at is not None:
        return prompt
    lock_project(caller.project_id)
    theirs = Prompt.objects.filter(project=caller.project_id, distinct_id__in=ids)
    # Under the lock: two tabs that open at once must not show two questions.
    if theirs.filter(shown_at__gt=now() - PAUSE).exclude(pk=prompt.pk).exists():
        return None
    Prompt.objects.filter(pk=prompt.pk, shown_at=None).update(shown_at=now())
    prompt.refresh_from_db()
    return prompt


@transaction.atomic
def answer(caller: Caller, prompt_id: int, columns: EventColumns, *, answer: str, text: str = "") -> Prompt:
    """Answered once: the same message again changes nothing. Raises PromptError and Prompt.DoesNotExist."""
    lock_project(caller.project_id)
    prompt = _get(caller, prompt_id)
    if prompt.message_id == columns.id:
        return prompt
    if prompt.answered_at is not None:
        raise PromptError("this question is answered already")
    if prompt.choices and answer not in prompt.choices:
        raise PromptError(f"choose one of {', '.join(prompt.choices)}")
    prompt.message_id, prompt.answer, prompt.answer_text = columns.id, answer, text
    prompt.answered_at, prompt.verified = now(), columns.user_known == PROVED
    prompt.save()
    event = structs.replace(columns, id=uuid.uuid4())
    record(ANSWER_EVENT, event, {"prompt": prompt.pk})
    live.publish(caller.project_id)
    return prompt


@transaction.atomic
def dismiss(caller: Caller, prompt_id: int) -> None:
    """Raises Prompt.DoesNotExist."""
    lock_project(caller.project_id)
    prompt = _get(caller, prompt_id)
    if prompt.answered_at is None and prompt.dismissed_at is None:
        Prompt.objects.filter(pk=prompt.pk).update(dismissed_at=now())
        live.publish(caller.project_id)


def ids_of(caller: Caller) -> list[str]:
    """The ids of the person who is speaking, also those of their other browsers.

    Without a proof a user id counts too, where that is not enforced: an answer is then marked as unverified.
    """
    browser = browsers.find(caller)
    named = [caller.user] if caller.user else [browser.distinct_id] if browser else []
    return _everyone(caller.project_id, named)


def _everyone(project_id: int, ids: list[str]) -> list[str]:
    project = Project.objects.get(pk=project_id)
    people = persons.by_distinct_ids(project, ids).values()
    return sorted({*ids, *(id for person in people for id in person.distinct_ids)})


def _open(project_id: int, ids: Sequence[str]) -> QuerySet[Prompt]:
    return Prompt.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now()),
        project=project_id, distinct_id__in=ids, answered_at=None, dismissed_at=None,
    )  # fmt: skip


def _get(caller: Caller, prompt_id: int) -> Prompt:
    """One that was asked to the caller. Raises Prompt.DoesNotExist."""
    return Prompt.objects.get(
        pk=prompt_id, project=caller.project_id, distinct_id__in=ids_of(caller), shown_at__isnull=False
    )
