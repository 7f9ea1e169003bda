"""Comments and webhooks."""

import base64
import secrets

from django.db import models
from django.utils.timezone import now

from analytics.record import REACTIONS
from projects.models import Project

RECEIPT_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
TEXT_LIMIT = 20_000
URL_LIMIT = 2_000


def new_receipt() -> str:
    """A short code for people to type or read aloud, without characters that look alike."""
    return "FH-" + "".join(secrets.choice(RECEIPT_LETTERS) for _ in range(5))


def new_secret() -> str:
    """A signing secret in the format of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


class Comment(models.Model):
    """A reaction, a text, or both.

    A deleted comment stays as a tombstone without text, so that readers of changes learn of the deletion.
    """

    class Status(models.TextChoices):
        NEW = "new"
        OPEN = "open"
        PROMISED = "promised"
        DONE = "done"
        DECLINED = "declined"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    message_id = models.UUIDField(help_text="made by the client: sent twice, kept once")
    receipt = models.CharField(max_length=12, default=new_receipt)
    reaction = models.CharField(
        max_length=12, choices=[(name, name) for name in REACTIONS], default="", blank=True
    )
    text = models.TextField(default="", blank=True)
    url = models.TextField(default="", blank=True)
    distinct_id = models.TextField()
    session = models.TextField(default="", blank=True, help_text="the client's own session id")
    context = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.NEW)
    created_at = models.DateTimeField(help_text="when it was said, by the server's clock")
    received_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now, help_text="when anything about it changed last")
    edited_at = models.DateTimeField(null=True, blank=True, help_text="when its words were changed last")
    deleted_at = models.DateTimeField(null=True, blank=True)
    change = models.BigIntegerField(
        help_text="from the sequence feedback_comment_change, anew with every change; in the order of committing"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "change"], name="one_comment_per_change"),
            models.UniqueConstraint(fields=["project", "message_id"], name="one_comment_per_message"),
            models.UniqueConstraint(fields=["project", "receipt"], name="one_comment_per_receipt"),
            models.CheckConstraint(
                name="a_comment_says_something",
                condition=~models.Q(reaction="", text="") | models.Q(deleted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="a_deleted_comment_has_no_words",
                condition=models.Q(deleted_at=None) | models.Q(text="", url="", context={}),
            ),
            models.CheckConstraint(
                name="one_of_the_statuses",
                condition=models.Q(status__in=["new", "open", "promised", "done", "declined"]),
            ),
            models.CheckConstraint(
                name="one_of_the_reactions", condition=models.Q(reaction__in=["", *REACTIONS])
            ),
        ]
        indexes = [
            # With the ID, as the inbox sorts: a page is read from the index without sorting.
            models.Index(fields=["project", "-created_at", "-id"], name="comment_newest"),
            models.Index(fields=["project", "reaction", "-created_at", "-id"], name="comment_by_reaction"),
            models.Index(fields=["project", "distinct_id"], name="comment_by_distinct_id"),
        ]

    def __str__(self) -> str:
        return f"{self.receipt}: {self.reaction or self.text[:40]}"


class Webhook(models.Model):
    """A URL that receives new comments. Disabled ones are kept, because deliveries refer to them."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    url = models.URLField(max_length=URL_LIMIT)
    secret = models.CharField(max_length=80, default=new_secret, help_text="signs deliveries, whsec_...")
    created_at = models.DateTimeField(default=now)
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["project"], name="live_webhooks", condition=models.Q(disabled_at=None))
        ]

    def __str__(self) -> str:
        return self.url
