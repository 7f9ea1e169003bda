"""Who may use the export API: the bearer of a live API key, within its scopes."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission


class ApiKeyAuthentication(BaseAuthentication):
    pass


class HasScope(BasePermission):
    pass
