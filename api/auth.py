"""Authentication, scopes and rate limits of the export API."""

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

if TYPE_CHECKING:  # DRF imports this module while it defines APIView
    from rest_framework.views import APIView

REALM = 'Bearer realm="Firsthand export API"'
LAST_USED_PRECISION = dt.timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`. Sets `request.auth` to the Key, with its project."""

    def authenticate(self, request: Request) -> tuple[None, Key] | None:
        # latin-1 decodes any bytes. With UTF-8, a malformed header would be a 500.
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not text.strip():
            raise AuthenticationFailed("write the header as `Authorization: Bearer YOUR_API_KEY`")
        key = find_api_key(text.strip())
        if key is None:
            raise AuthenticationFailed(_rejection(text.strip()))
        _mark_used(key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return REALM


class HasScope(BasePermission):
    """The key must have the view's `scope`. A view without a scope rejects all keys."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scope: str | None = getattr(view, "scope", None)
        if not isinstance(request.auth, Key):
            raise NotAuthenticated("send an API key as `Authorization: Bearer YOUR_API_KEY`")
        if scope not in request.auth.scopes:
            raise PermissionDenied(f"this key lacks the scope {scope!r}")
        return True


class KeyThrottle(BaseThrottle):
    """FIRSTHAND_API_RATE requests a minute per key, counted across all processes."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self._wait = (
            rates.take(f"key {request.auth.pk}", settings.API_RATE) if isinstance(request.auth, Key) else 0.0
        )
        return self._wait == 0.0

    def wait(self) -> float:
        return self._wait


def project_of(request: Request) -> Project:
    """The project of the request's key. The request may see no other rows."""
    return key_of(request).project


def key_of(request: Request) -> Key:
    if not isinstance(request.auth, Key):
        raise NotAuthenticated
    return request.auth


def is_live(key: Key) -> bool:
    """Whether the key is still not revoked."""
    return Key.objects.filter(pk=key.pk, revoked_at=None).exists()


def _rejection(text: str) -> str:
    # A write key is public, so recognising one reveals nothing.
    if find_write_key(text):
        return "this is a write key, which can only send data; use an API key (fhk_...)"
    return "unknown or revoked API key; create one in the project's settings"


def _mark_used(key: Key) -> None:
    # At most once a minute: an UPDATE per request would bloat the table and make requests wait for each other.
    stale = now() - LAST_USED_PRECISION
    if key.last_used_at is None or key.last_used_at < stale:
        # The condition again, in the UPDATE: of several requests that read the old time, one writes.
        unused = Key.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=key.pk)
        unused.update(last_used_at=now())
