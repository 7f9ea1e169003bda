"""One-time sign-in links. Only their digests are stored, so a database copy does not let anybody in."""

import datetime as dt
import hashlib
import secrets

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.timezone import now

from projects.models import SignInLink

LIFETIME = dt.timedelta(minutes=15)


def create_link(user: User) -> str:
    """The token of a new link for this user. Also deletes expired links."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.filter(expires_at__lt=now() - LIFETIME).delete()
    SignInLink.objects.create(user=user, digest=_digest(token), expires_at=now() + LIFETIME)
    return token


def path(token: str) -> str:
    # Not reverse(): it imports every view, which would delay each start by seconds.
    return f"/sign-in/{token}/"


def is_live(token: str) -> bool:
    """Whether the link could be redeemed now. Does not redeem it."""
    return _live(token).exists()


def redeem(token: str) -> User | None:
    """The link's user for the first caller. None if the link was used, has expired or never existed."""
    link = _live(token).select_related("user").first()
    # One conditional UPDATE decides, so two browsers at once cannot both sign in. It filters by columns of its own
    # row only: after waiting for the other UPDATE, PostgreSQL checks those again, but not joined tables.
    if link is None or SignInLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now()) != 1:
        return None
    return link.user


def _live(token: str) -> QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        digest=_digest(token), used_at=None, expires_at__gt=now(), user__is_active=True
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
