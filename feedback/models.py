"""Comments, their threads, prompts and webhooks."""

import base64
import secrets

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
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


class Browser(models.Model):
    """A browser that has said something. Its secret, which only it knows, is stored as SHA-256."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the secret, in hexadecimal")
    distinct_id = models.TextField(help_text="its anonymous id when it was first seen")
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="one_browser_per_secret"),
        ]

    def __str__(self) -> str:
        return self.distinct_id


class VerifiedUser(models.Model):
    """A user of the product whom an identity token has proved, with the address and the name that it signs."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user_id = models.TextField()
    email = models.CharField(max_length=254, default="", blank=True)
    name = models.CharField(max_length=254, default="", blank=True)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user_id"], name="one_verified_user_per_id"),
        ]

    def __str__(self) -> str:
        return self.name or self.user_id


class Tag(models.Model):
    """A label of comments."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("project", Lower("name"), name="one_tag_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Comment(models.Model):
    """A reaction, a text, or both: the head of a thread.

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
    user_known = models.BooleanField(default=False, help_text="distinct_id is a user id")
    verified_user = models.TextField(
        default="", blank=True,
        help_text="the user id that an identity token proved when it was said, or later in the same browser",
    )  # fmt: skip
    browser = models.ForeignKey(Browser, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    session = models.TextField(default="", blank=True, help_text="the client's own session id")
    context = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.NEW)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates",
        help_text="the comment that says the same; their authors are told together",
    )  # fmt: skip
    tags = models.ManyToManyField(Tag, blank=True, related_name="comments")
    asked_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when the author was asked whether it works; null if nothing is asked",
    )
    read_reply = models.BigIntegerField(default=0, help_text="the newest reply that the author has seen")
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
            models.Index(
                fields=["project", "verified_user"],
                name="comment_by_verified_user",
                condition=~models.Q(verified_user=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.receipt}: {self.reaction or self.text[:40]}"

    @property
    def verified(self) -> bool:
        return self.verified_user != ""


class Reply(models.Model):
    """A message in a comment's thread, by its author or by a member. Deleted ones stay without text."""

    class Author(models.TextChoices):
        PERSON = "person"
        TEAM = "team"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="replies")
    message_id = models.UUIDField(help_text="made by the client: sent twice, kept once")
    author = models.CharField(max_length=6, choices=Author.choices)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    name = models.CharField(
        max_length=254, default="", blank=True, help_text="the member's, as the author sees it"
    )
    text = models.TextField()
    verified = models.BooleanField(default=False, help_text="an identity token proved the author")
    created_at = models.DateTimeField(default=now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "message_id"], name="one_reply_per_message"),
            models.CheckConstraint(
                name="a_deleted_reply_has_no_words", condition=models.Q(deleted_at=None) | models.Q(text="")
            ),
        ]

    def __str__(self) -> str:
        return self.text[:40]


class Note(models.Model):
    """What members write for each other about a comment. Its author never sees it."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="notes")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField()
    created_at = models.DateTimeField(default=now)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text[:40]


class Promise(models.Model):
    """What a member promised to the author of a comment. A comment has one open promise at most."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="promises")
    text = models.TextField()
    due = models.DateField(null=True, blank=True)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField(default=now)
    kept_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["comment"],
                name="one_open_promise_per_comment",
                condition=models.Q(kept_at=None, withdrawn_at=None),
            )
        ]
        indexes = [
            models.Index(
                fields=["due"], name="open_promises", condition=models.Q(kept_at=None, withdrawn_at=None)
            )
        ]

    def __str__(self) -> str:
        return self.text[:40]


class Verdict(models.Model):
    """The author's answer to whether it works now."""

    class Kind(models.TextChoices):
        WORKS = "works"
        STILL_NOT = "still_not"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="verdicts")
    message_id = models.UUIDField(help_text="made by the client: sent twice, kept once")
    verdict = models.CharField(max_length=9, choices=Kind.choices)
    text = models.TextField(default="", blank=True)
    verified = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "message_id"], name="one_verdict_per_message"),
        ]

    def __str__(self) -> str:
        return self.verdict


class StatusChange(models.Model):
    """The history of a comment's status. Without a member, its author or a promise changed it."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="status_changes")
    before = models.CharField(max_length=8)
    after = models.CharField(max_length=8)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.before} -> {self.after}"


class Merge(models.Model):
    """A comment was merged into another one that says the same. Undoing it gives back its status."""

    duplicate = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="merges")
    target = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="+")
    status_before = models.CharField(max_length=8)
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(default=now)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["duplicate"], name="one_merge_per_comment", condition=models.Q(undone_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.duplicate_id} into {self.target_id}"


class Picture(models.Model):
    """An image, re-encoded, or a masked snapshot of a page as JSON. Until it is attached, only its sender knows it."""

    class Kind(models.TextChoices):
        IMAGE = "image"
        SNAPSHOT = "snapshot"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    message_id = models.UUIDField(help_text="made by the client: sent twice, kept once")
    comment = models.ForeignKey(
        Comment, null=True, blank=True, on_delete=models.CASCADE, related_name="pictures"
    )
    reply = models.ForeignKey(Reply, null=True, blank=True, on_delete=models.CASCADE, related_name="pictures")
    verified_user = models.TextField(default="", blank=True)
    browser = models.ForeignKey(Browser, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    file = models.FileField(upload_to="pictures", max_length=200)
    bytes = models.IntegerField()
    width = models.IntegerField(default=0)
    height = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "message_id"], name="one_picture_per_message"),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="loose_pictures", condition=models.Q(comment=None))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"


class Prompt(models.Model):
    """A question of a member to one person, asked once, whichever browser they use."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    distinct_id = models.TextField(help_text="any id of the person who is asked")
    text = models.TextField()
    choices = models.JSONField(
        default=list, blank=True, help_text="answers to choose from; none for free text"
    )
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True, blank=True)
    shown_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    message_id = models.UUIDField(null=True, blank=True, help_text="of the answer, made by the client")
    answer = models.TextField(default="", blank=True)
    answer_text = models.TextField(default="", blank=True)
    verified = models.BooleanField(default=False, help_text="an identity token proved who answered")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["project", "distinct_id"],
                name="open_prompts",
                condition=models.Q(dismissed_at=None, answered_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.text[:40]


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
