"""Mail over real SMTP, and as files in the home."""

import email
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from config import env, mail_settings
from outbox.mail import Mail
from outbox.messages import DeliveryError
from tests.ports import free_port

KEY = uuid.UUID("0192f5a4-7b7e-7c11-9a7e-2f4c1f9f0a11")


class Postbox:
    """A mail server: nobody@ is unknown to it, and full@ has no room at the moment."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        if address.startswith("full@"):
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(email.message_from_bytes(content, EmailMessage, policy=default))
        return "250 OK"


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    postbox = Postbox()
    port = free_port()
    server = Controller(postbox, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = mail_settings.from_url(f"smtp://127.0.0.1:{port}").backend
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.DEFAULT_FROM_EMAIL = "Firsthand <hello@shop.example>"
    yield postbox
    server.stop()


def refused(to: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        Mail(to, "Hello", "Good morning").send(KEY)
    return caught.value


def test_it_works(postbox: Postbox) -> None:
    Mail("ana@shop.example", "Useful from Zoë", "Good morning,\n.\nAna").send(KEY)
    [mail] = postbox.mails
    assert (mail["From"], mail["To"]) == ("Firsthand <hello@shop.example>", "ana@shop.example")
    assert mail["Subject"] == "Useful from Zoë"
    assert mail.get_content().split() == ["Good", "morning,", ".", "Ana"]


def test_each_attempt_has_the_same_message_id(postbox: Postbox) -> None:
    for _ in range(2):
        Mail("ana@shop.example", "Hello", "Good morning").send(KEY)
    assert [mail["Message-ID"] for mail in postbox.mails] == [f"<{KEY}@shop.example>"] * 2


def test_a_subject_adds_no_headers(postbox: Postbox) -> None:
    Mail("ana@shop.example", "Hello\r\nBcc: dee@stranger.example", "Good morning").send(KEY)
    [mail] = postbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hello Bcc: dee@stranger.example"


def test_an_unknown_recipient_is_a_permanent_error(postbox: Postbox) -> None:
    error = refused("nobody@shop.example")
    assert (str(error), error.permanent) == ("nobody@shop.example was refused: 550 no such mailbox", True)


def test_a_full_mailbox_is_tried_again(postbox: Postbox) -> None:
    error = refused("full@shop.example")
    assert (str(error), error.permanent) == ("full@shop.example was refused: 452 mailbox full", False)


def test_a_server_that_is_away_is_tried_again(postbox: Postbox, settings: Settings) -> None:
    settings.EMAIL_PORT = free_port()
    error = refused("ana@shop.example")
    assert str(error).startswith("The mail server is unavailable: ")
    assert not error.permanent


def test_without_a_server_mail_is_a_file_in_the_home(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = mail_settings.from_url("").backend
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    Mail("ana@shop.example", "Hello", "Good morning").send(KEY)
    [file] = (tmp_path / "mail").iterdir()
    assert "To: ana@shop.example" in file.read_text()


def test_a_password_goes_over_tls_only() -> None:
    relay = mail_settings.from_url("smtp://relay.example")
    assert (relay.host, relay.port, relay.starttls, relay.tls) == ("relay.example", 25, False, False)
    starttls = mail_settings.from_url("smtp://ana%40shop.example:p%2Fw@mail.example:587")
    assert (starttls.user, starttls.password, starttls.starttls) == ("ana@shop.example", "p/w", True)
    tls = mail_settings.from_url("smtps://ana:pw@mail.example")
    assert (tls.port, tls.tls, tls.starttls) == (465, True, False)


@pytest.mark.parametrize(
    "url", ["mail.example", "http://ana:hunter2@mail.example", "smtp://ana:hunter2@mail.example:x"]
)
def test_a_bad_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(env.ConfigurationError, match="FIRSTHAND_EMAIL_URL") as caught:
        mail_settings.from_url(url)
    assert "hunter2" not in str(caught.value)
