"""Who sends a request to an endpoint for visitors: a user, proved or not, and a browser."""

import base64
import binascii
import hashlib

from msgspec import Struct

from analytics.ingest.http import Request
from analytics.ingest.intake import AdmittedRequest, Intake
from analytics.ingest.wire.event import EXPLANATIONS, DropReason, Event, RequestRejectedError
from analytics.schema import means_nobody

BROWSER = b"firsthand-browser"
SECRET_BYTES = 32
LEAST_DIFFERENT = 12
"""Different bytes that a random secret has, with all certainty. Without a source of randomness, browsers send zeros."""

MAX_ID = 200


class Caller(Struct, frozen=True, kw_only=True):
    """Who is speaking.

    user      a user id; "" if none was named
    verified  an identity token, or a secret key, proves it
    browser   SHA-256 of the browser's secret; "" without one
    email...  what the token says about the user
    """

    project_id: int
    user: str = ""
    verified: bool = False
    browser: str = ""
    email: str = ""
    name: str = ""
    kid: str = ""

    @property
    def known(self) -> bool:
        """Whether something proves who it is. What anybody could claim opens no thread."""
        return self.verified or self.browser != ""


async def find_caller(intake: Intake, request: Request, admitted: AdmittedRequest) -> Caller:
    """Raises RequestRejectedError: 401 for a user id without proof where identity is enforced, 400 for a bad secret."""
    context, event = admitted.context, _event(admitted)
    identity, claimed = context.proof.identity, _claimed(request, event)
    browser = _browser(request)
    if context.proof.secret_key and claimed:
        return Caller(project_id=context.project_id, user=claimed, verified=True, browser=browser)
    problem = _problem(admitted, claimed)
    if problem is None:
        return Caller(
            project_id=context.project_id, user=identity.user, verified=identity.user != "", browser=browser,
            email=identity.email, name=identity.name, kid=identity.kid,
        )  # fmt: skip
    named = claimed or browser or (event is not None and event.anonymous_id)
    if context.proof.enforced or not named:
        raise RequestRejectedError(EXPLANATIONS[problem], 401, problem, where="Firsthand-Identity")
    await intake.count_unproved(context, problem, f"{request.method} {request.path} {claimed}".strip())
    return Caller(project_id=context.project_id, user=claimed, browser=browser)


def _problem(admitted: AdmittedRequest, claimed: str) -> DropReason | None:
    identity = admitted.context.proof.identity
    if claimed:
        return identity.refusal(claimed)
    return DropReason(identity.problem) if identity.problem else None


def _event(admitted: AdmittedRequest) -> Event | None:
    found = admitted.payload.events
    return found[0] if found and isinstance(found[0], Event) else None


def _claimed(request: Request, event: Event | None) -> str:
    """The user id that the request names, beside its token."""
    if event is None:
        found = request.parameter("userId")
    elif event.user_known == "0":
        return ""
    else:
        found = event.distinct_id
    return "" if means_nobody(found) else found[:MAX_ID]


def _browser(request: Request) -> str:
    secret = request.header(BROWSER)
    if not secret:
        return ""
    try:
        decoded = base64.b64decode(secret.rstrip("=") + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != SECRET_BYTES or len(set(decoded)) < LEAST_DIFFERENT:
        message = f"not a secret; send {SECRET_BYTES} random bytes as base64url"
        raise RequestRejectedError(message, 400, DropReason.INVALID_FIELD, where="Firsthand-Browser")
    return hashlib.sha256(decoded).hexdigest()


def name_speaker(admitted: AdmittedRequest, caller: Caller) -> None:
    """Give the event the id of who is speaking, where the body has none or the token says better."""
    event = _event(admitted)
    if event is None:
        return
    if caller.verified:
        event.distinct_id, event.user_known = caller.user, "1"
    elif means_nobody(event.distinct_id) and not event.anonymous_id and caller.browser:
        event.distinct_id, event.user_known = f"browser-{caller.browser[:32]}", "0"
