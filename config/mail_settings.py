"""FIRSTHAND_EMAIL_URL: the server for outgoing mail. Without it, mail is written to files in the home."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from config import env

NAME = "FIRSTHAND_EMAIL_URL"
DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """The values of Django's EMAIL_* settings. The default backend writes files."""

    backend: str = "django.core.mail.backends.filebased.EmailBackend"
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False


def from_url(url: str) -> MailServer:
    """Parse FIRSTHAND_EMAIL_URL. Raises ConfigurationError, without the URL, which may contain a password."""
    if not url:
        return MailServer()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise env.ConfigurationError(f"{NAME} is not a URL: {error}") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise env.ConfigurationError(
            f"{NAME} must look like smtp://user:password@host:587 or smtps://user:password@host:465"
        )
    return MailServer(
        backend="django.core.mail.backends.smtp.EmailBackend",
        host=parts.hostname,
        port=port or DEFAULT_PORTS[parts.scheme],
        # User and password are percent-encoded: a plain "@" or "/" would end them.
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        # Without STARTTLS the password would cross the network in the clear.
        starttls=parts.scheme == "smtp" and bool(parts.password),
        tls=parts.scheme == "smtps",
    )
