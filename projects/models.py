"""A project, its keys and its members."""

import secrets
import zoneinfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.timezone import now


def validate_timezone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone. Enter a name such as Europe/Berlin.")


def new_identity_secret() -> str:
    return "fhs_" + secrets.token_urlsafe(32)


class Project(models.Model):
    """One product. Every row of analytics and feedback belongs to exactly one project."""

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    week_start = models.PositiveSmallIntegerField(default=0, help_text="0 is Monday, 6 is Sunday")
    allowed_origins = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    identity_enforced = models.BooleanField(
        default=False, help_text="refuse a userId of a browser that no identity token proves"
    )
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)


class IdentitySecret(models.Model):
    """Signs identity tokens (HS256). Stored in plain text, because checking a token needs the secret itself."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="identity_secrets")
    kid = models.CharField(max_length=32, help_text="the `kid` in the header of a token")
    secret = models.CharField(max_length=80, default=new_identity_secret)
    name = models.CharField(max_length=120, default="", blank=True)
    created_at = models.DateTimeField(default=now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "kid"], name="one_identity_secret_per_kid"),
            # Anyone could sign a token with an empty secret.
            models.CheckConstraint(
                name="an_identity_secret_is_long",
                condition=models.Q(secret__regex=r"^.{32}"),  # noqa: S106 (a pattern)
            ),
        ]

    def __str__(self) -> str:
        return self.kid


class Key(models.Model):
    """A write key (public, used in pages) or an API key (secret, shown once, stored as SHA-256)."""

    class Kind(models.TextChoices):
        WRITE = "write", "write key"
        API = "api", "API key"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    name = models.CharField(max_length=120, default="", blank=True)
    token = models.CharField(
        max_length=80, default="", blank=True, help_text="the write key itself; empty for API keys"
    )
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the key, in hexadecimal")
    hint = models.CharField(
        max_length=12, default="", help_text="the key's last characters, to tell keys apart"
    )
    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    created_at = models.DateTimeField(default=now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            # The text of an API key must not be stored, whichever code writes the row.
            models.CheckConstraint(
                name="only_write_keys_are_readable", condition=models.Q(kind="write") | models.Q(token="")
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} …{self.hint}"


class Membership(models.Model):
    """A user's role in a project."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MEMBER = "member"
        VIEWER = "viewer"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)
    notify_comments = models.BooleanField(default=True, help_text="mail about each new comment")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_project")]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}: {self.role}"


class SignInLink(models.Model):
    """A link that signs its user in once, before it expires. Only its digest is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link for {self.user} until {self.expires_at:%Y-%m-%d %H:%M}"
