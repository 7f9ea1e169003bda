"""The browsers that speak, and what happens when somebody signs in on one of them."""

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from analytics.record import IDENTIFY_EVENT, PROVED, EventColumns, record
from analytics.record.callers import Caller
from feedback.comment_changes import lock_project, save
from feedback.models import Browser, Comment, Picture, VerifiedUser
from projects import identity_secrets


def remember(caller: Caller, distinct_id: str) -> Browser | None:
    """The caller's browser, stored if it speaks for the first time."""
    if not caller.browser:
        return None
    found, _ = Browser.objects.get_or_create(
        project_id=caller.project_id, digest=caller.browser, defaults={"distinct_id": distinct_id}
    )
    return found


def find(caller: Caller) -> Browser | None:
    if not caller.browser:
        return None
    return Browser.objects.filter(project=caller.project_id, digest=caller.browser).first()


def sign_in(caller: Caller) -> None:
    """Note what the caller's token says. Threads of the browser become those of the user."""
    if not caller.verified:
        return
    identity_secrets.used(caller.project_id, caller.kid)
    _keep_claims(caller)
    browser = find(caller)
    # Looked up without the lock first: nearly every request finds nothing to join.
    if browser is not None and _joinable(caller, browser).exists():
        _join(caller, browser)


def _keep_claims(caller: Caller) -> None:
    given = {name: value for name, value in (("email", caller.email), ("name", caller.name)) if value}
    if not given:
        return
    known = VerifiedUser.objects.filter(project=caller.project_id, user_id=caller.user)
    if not known.filter(**given).exists():
        VerifiedUser.objects.update_or_create(
            project_id=caller.project_id, user_id=caller.user, defaults=given | {"updated_at": now()}
        )


def _joinable(caller: Caller, browser: Browser) -> QuerySet[Comment]:
    # Not those of another user: two people may use one browser.
    theirs = Q(user_known=False) | Q(distinct_id=caller.user)
    return Comment.objects.filter(theirs, project=caller.project_id, browser=browser, verified_user="")


@transaction.atomic
def _join(caller: Caller, browser: Browser) -> None:
    lock_project(caller.project_id)
    joined = list(_joinable(caller, browser))
    for comment in joined:
        comment.verified_user = caller.user
        save(comment)
    loose = Picture.objects.filter(browser=browser, verified_user="", comment=None)
    loose.update(verified_user=caller.user)
    for anonymous in sorted({comment.distinct_id for comment in joined if not comment.user_known}):
        record(IDENTIFY_EVENT, _columns(caller), {}, identifies=anonymous)


def _columns(caller: Caller) -> EventColumns:
    return EventColumns(
        project_id=caller.project_id, id=uuid.uuid4(), distinct_id=caller.user, user_known=PROVED,
        timestamp=dt.datetime.now(dt.UTC),
    )  # fmt: skip
