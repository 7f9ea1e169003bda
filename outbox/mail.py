"""Mail, through the server that FIRSTHAND_EMAIL_URL names."""

import smtplib
import uuid
from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage

from outbox.messages import DeliveryError

REFUSED_FOR_GOOD = 500
"""SMTP: replies from here on are permanent, those below mean try again later."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One plain-text mail to one address."""

    to: str
    subject: str
    text: str

    def send(self, key: uuid.UUID) -> None:
        # A line break in the subject would let a sender add headers.
        subject = " ".join(self.subject.split())
        headers = {"Message-ID": message_id(key), "Auto-Submitted": "auto-generated"}
        mail = EmailMessage(subject, self.text, to=[self.to], headers=headers)
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
            raise DeliveryError(
                f"{self.to} was refused: {code} {text}", permanent=code >= REFUSED_FOR_GOOD
            ) from error
        except smtplib.SMTPDataError as error:
            permanent = error.smtp_code >= REFUSED_FOR_GOOD
            raise DeliveryError(f"The mail server refused the mail: {error}", permanent=permanent) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"The mail server could not be used: {error}") from error


def message_id(key: uuid.UUID) -> str:
    """The same in every attempt: mailboxes show a mail that comes twice once."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{key}@{domain or 'localhost'}>"
