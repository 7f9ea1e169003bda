"""The verbs of webhooks: add, disable, send a test event; and what they are sent."""

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
"""Live webhooks of one project: each makes a delivery of every comment."""


class WebhookError(Exception):
    """A webhook that cannot be added; the message says why and what to change."""


class CommentData(msgspec.Struct, frozen=True):
    """A comment as the export API names its fields."""

    id: uuid.UUID
    receipt: str
    reaction: str | None
    text: str
    status: str
    url: str | None
    distinct_id: str
    created_at: dt.datetime


class CommentCreated(msgspec.Struct, frozen=True, tag_field="type", tag="comment.created"):
    """`timestamp` is when it was said."""

    timestamp: dt.datetime
    project: str
    data: CommentData


class WebhookTest(msgspec.Struct, frozen=True, tag_field="type", tag="webhook.test"):
    """Sent on request from Settings."""

    timestamp: dt.datetime
    project: str
    data: dict[Literal["webhook"], int]


def of(project: Project) -> QuerySet[Webhook]:
    """All of them, live ones first."""
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
        raise WebhookError(f"A URL can have {URL_LIMIT:,} characters.")
    if live(project).filter(url=url).exists():
        raise WebhookError("This webhook exists already.")
    if live(project).count() >= LIMIT:
        raise WebhookError(f"A project can have {LIMIT} webhooks. Disable one first.")
    return Webhook.objects.create(project=project, url=url)


def disable(project: Project, webhook_id: int) -> bool:
    """Nothing is sent to it from now on. False when it is not a live one of this project."""
    return live(project).filter(pk=webhook_id).update(disabled_at=now()) == 1


@transaction.atomic
def send_test(project: Project, webhook_id: int) -> bool:
    """Put a test event into the outbox. False when it is not a live one of this project."""
    webhook = live(project).filter(pk=webhook_id).first()
    if webhook is None:
        return False
    deliveries.put("test.webhook", {"webhook": webhook.pk}, receiver=webhook.url, project=project)
    return True


def comment_created(webhook_id: int, comment: Comment) -> WebhookPost:
    """Raises Cancelled when the webhook was disabled."""
    data = CommentData(
        id=comment.message_id,
        receipt=comment.receipt,
        reaction=comment.reaction or None,
        text=comment.text,
        status=comment.status,
        url=comment.url or None,
        distinct_id=comment.distinct_id,
        created_at=comment.created_at,
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
