"""Adding, disabling and testing webhooks, and the events they receive."""

import datetime as dt
import uuid
from typing import Literal

import msgspec
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from feedback.models import URL_LIMIT, Comment, Webhook
from outbox import deliveries
from outbox.messages import Cancelled
from outbox.models import Delivery
from outbox.webhook import WebhookPost, check_url
from projects.models import Project

LIMIT = 20
"""Active webhooks per project: every comment makes a delivery for each."""


class WebhookError(Exception):
    """The webhook cannot be added."""


class CommentData(msgspec.Struct, frozen=True):
    """A comment with the field names of the export API."""

    id: uuid.UUID
    receipt: str
    reaction: str | None
    text: str
    status: str
    url: str | None
    distinct_id: str
    created_at: dt.datetime
    verified: bool


class CommentCreated(msgspec.Struct, frozen=True, tag_field="type", tag="comment.created"):
    """`timestamp` is when the comment was created."""

    timestamp: dt.datetime
    project: str
    data: CommentData


class WebhookTest(msgspec.Struct, frozen=True, tag_field="type", tag="webhook.test"):
    """Sent on request from Settings."""

    timestamp: dt.datetime
    project: str
    data: dict[Literal["webhook"], int]


def of(project: Project) -> QuerySet[Webhook]:
    """All webhooks of the project, active ones first."""
    return Webhook.objects.filter(project=project).order_by(F("disabled_at").desc(nulls_first=True), "-id")


def live(project: Project) -> QuerySet[Webhook]:
    return Webhook.objects.filter(project=project, disabled_at=None)


@transaction.atomic
def add(project: Project, url: str) -> Webhook:
    """Raises WebhookError."""
    try:
        check_url(url)
    except ValueError as error:
        raise WebhookError(str(error)) from error
    if len(url) > URL_LIMIT:
        raise WebhookError(f"The URL is too long. Use at most {URL_LIMIT:,} characters.")
    # Not locked: two requests at once may add one webhook too many, which the owner can disable.
    if live(project).filter(url=url).exists():
        raise WebhookError("This webhook already exists.")
    if live(project).count() >= LIMIT:
        raise WebhookError(f"A project can have at most {LIMIT} webhooks. Disable one first.")
    return Webhook.objects.create(project=project, url=url)


def disable(project: Project, webhook_id: int) -> bool:
    """Stop sending to it. False if the project has no active webhook with this ID."""
    return live(project).filter(pk=webhook_id).update(disabled_at=now()) == 1


@transaction.atomic
def send_test(project: Project, webhook_id: int) -> bool:
    """Queue a test event. False if the project has no active webhook with this ID."""
    webhook = live(project).filter(pk=webhook_id).first()
    if webhook is None:
        return False
    deliveries.put("test.webhook", {"webhook": webhook.pk}, receiver=webhook.url, project=project)
    return True


def comment_created(webhook_id: int, comment: Comment) -> WebhookPost:
    """Raises Cancelled if the webhook was disabled."""
    data = CommentData(
        id=comment.message_id,
        receipt=comment.receipt,
        reaction=comment.reaction or None,
        text=comment.text,
        status=comment.status,
        url=comment.url or None,
        distinct_id=comment.distinct_id,
        created_at=comment.created_at,
        verified=comment.verified,
    )
    return _post(webhook_id, CommentCreated(comment.created_at, comment.project.slug, data))


def test_event(delivery: Delivery) -> WebhookPost:
    """Builds a "test.webhook" delivery, whose payload is {"webhook": id}. Raises Cancelled."""
    webhook_id = delivery.payload["webhook"]
    slug = delivery.project.slug if delivery.project else ""
    return _post(webhook_id, WebhookTest(delivery.created_at, slug, {"webhook": webhook_id}))


def _post(webhook_id: int, event: CommentCreated | WebhookTest) -> WebhookPost:
    webhook = Webhook.objects.filter(pk=webhook_id, disabled_at=None).first()
    if webhook is None:
        raise Cancelled("The webhook was disabled.")
    return WebhookPost(webhook.url, webhook.secret, msgspec.json.encode(event))
