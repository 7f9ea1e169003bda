"""The queue of outgoing messages."""

import uuid

from django.db import models
from django.db.models.functions import Now

from projects.models import Project


class Delivery(models.Model):
    """An outgoing message. `payload` holds IDs only: the message is built when it is sent.

    `due_at` is the earliest time of the next attempt. During an attempt it is the end of the lease, so that the
    delivery of a killed worker becomes due again.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"
        CANCELLED = "cancelled"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    kind = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    receiver = models.TextField(
        default="", blank=True, help_text="an address, to show to the project's owner"
    )
    key = models.UUIDField(
        unique=True, default=uuid.uuid4, help_text="the same in every attempt, for the receiver"
    )
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    # The database's clock, because claim.sql compares with it.
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            # A partial index: claiming stays fast however many deliveries have been sent.
            models.Index(fields=["due_at"], name="delivery_due", condition=models.Q(state="waiting")),
            models.Index(fields=["project", "state", "-id"], name="delivery_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.state}"
