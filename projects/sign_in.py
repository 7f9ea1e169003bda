"""Links that sign a user in once. Only their digest is kept, so a copy of the database opens no door."""

import datetime as dt
import hashlib
import secrets

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.timezone import now

from projects.models import SignInLink

LIFETIME = dt.timedelta(minutes=15)


def create_link(user: User) -> str:
    """The token of a new link for this user; see `path`."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.filter(expires_at__lt=now() - LIFETIME).delete()
    SignInLink.objects.create(user=user, digest=_digest(token), expires_at=now() + LIFETIME)
    return token


def path(token: str) -> str:
    # Written out, because reverse() would load the code of every page, and every start would wait for that.
    return f"/sign-in/{token}/"


def is_live(token: str) -> bool:
    """Whether redeeming it would work now; changes nothing."""
    return _live(token).exists()


def redeem(token: str) -> User | None:
    """The link's user, for the first caller within its time; None for anybody else.

    One conditional UPDATE decides, so of two browsers that open it at once exactly one gets in. It asks for nothing
    but columns of its own row: those alone does PostgreSQL look at again after waiting for the other one.
    """
    link = _live(token).select_related("user").first()
    if link is None or SignInLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now()) != 1:
        return None
    return link.user


def _live(token: str) -> QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        digest=_digest(token), used_at=None, expires_at__gt=now(), user__is_active=True
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
