"""Email through the server in FIRSTHAND_EMAIL_URL."""

import smtplib
import uuid
from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage

from outbox.messages import DeliveryError

PERMANENT = 500
"""SMTP replies from 500 on are permanent errors, lower ones temporary."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A plain-text email to one address."""

    to: str
    subject: str
    text: str

    def send(self, key: uuid.UUID) -> None:
        # A line break in the subject would let a sender add headers.
        subject = " ".join(self.subject.split())
        # Auto-Submitted keeps vacation responders from answering (RFC 3834).
        headers = {"Message-ID": message_id(key), "Auto-Submitted": "auto-generated"}
        mail = EmailMessage(subject, self.text, to=[self.to], headers=headers)
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
            raise DeliveryError(
                f"{self.to} was refused: {code} {text}", permanent=code >= PERMANENT
            ) from error
        except smtplib.SMTPDataError as error:
            permanent = error.smtp_code >= PERMANENT
            raise DeliveryError(f"The mail server refused the mail: {error}", permanent=permanent) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"The mail server is unavailable: {error}") from error


def message_id(key: uuid.UUID) -> str:
    """The same in every attempt, so that mailboxes can recognise a duplicate."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{key}@{domain or 'localhost'}>"
