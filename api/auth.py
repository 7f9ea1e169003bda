"""Who may use the export API: the bearer of a live API key, within its scopes and its rate."""

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q
from django.utils.timezone import now
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from projects import rates
from projects.keys import find_api_key, find_write_key
from projects.models import Key, Project

if TYPE_CHECKING:  # DRF reads this module while it makes APIView
    from rest_framework.views import APIView

REALM = 'Bearer realm="Firsthand export API"'
SEEN_EVERY = dt.timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`; the request's `auth` is the key, with its project."""

    def authenticate(self, request: Request) -> tuple[None, Key] | None:
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not text.strip():
            raise AuthenticationFailed("write the header as `Authorization: Bearer YOUR_API_KEY`")
        key = find_api_key(text.strip())
        if key is None:
            raise AuthenticationFailed(_why_not(text.strip()))
        _mark_used(key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return REALM


class HasScope(BasePermission):
    """The key must have the view's `scope`; a view that names none is closed, so that none is forgotten."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scope: str | None = getattr(view, "scope", None)
        if not isinstance(request.auth, Key):
            raise NotAuthenticated("send an API key as `Authorization: Bearer YOUR_API_KEY`")
        if scope not in request.auth.scopes:
            raise PermissionDenied(f"this key may not do this: it lacks the scope {scope!r}")
        return True


class KeyThrottle(BaseThrottle):
    """So many requests a minute for each key (FIRSTHAND_API_RATE), whichever process answers them."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self._wait = rates.take(request.auth, settings.API_RATE) if isinstance(request.auth, Key) else 0.0
        return self._wait == 0.0

    def wait(self) -> float:
        return self._wait


def project_of(request: Request) -> Project:
    """The one project whose rows this request may see."""
    return key_of(request).project


def key_of(request: Request) -> Key:
    if not isinstance(request.auth, Key):
        raise NotAuthenticated
    return request.auth


def is_live(key: Key) -> bool:
    """Whether it has not been revoked in the meantime."""
    return Key.objects.filter(pk=key.pk, revoked_at=None).exists()


def _why_not(text: str) -> str:
    if find_write_key(text):
        return "this is a write key, which can only send; reading needs an API key (fhk_...)"
    return "there is no such API key, or it was revoked; the project's settings make new ones"


def _mark_used(key: Key) -> None:
    """At most once a minute, so that a busy key does not make a row that is always being rewritten."""
    stale = now() - SEEN_EVERY
    if key.last_used_at is None or key.last_used_at < stale:
        unused = Key.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=key.pk)
        unused.update(last_used_at=now())
