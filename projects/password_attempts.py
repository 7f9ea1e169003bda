"""Limits on signing in with a password, so that nobody can guess one: for each address and for each account."""

import hashlib
import math

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.http import HttpRequest

from config import env
from config.peers import Proxies, network_of
from projects import rates

ADDRESS_PER_MINUTE = 20
ACCOUNT_PER_MINUTE = 10
"""Attempts, successful or not. A stranger can use up those of an account, so links are not limited by account."""


def somebody_has_a_password() -> bool:
    usable = User.objects.filter(is_active=True).exclude(password="")
    return usable.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).exists()


def take(request: HttpRequest, username: str) -> int:
    """Count an attempt before the password is checked. Returns 0 if it is allowed, otherwise the seconds to wait."""
    address = network_of(_address(request))
    # A digest, because a username has any length.
    account = hashlib.sha256(username.casefold().encode()).hexdigest()
    wait = rates.take(f"password from {address}", ADDRESS_PER_MINUTE) or rates.take(
        f"password of {account}", ACCOUNT_PER_MINUTE
    )
    return math.ceil(wait)


def _address(request: HttpRequest) -> str:
    proxies = Proxies(env.words("FIRSTHAND_TRUSTED_PROXIES"))
    return proxies.client(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))
