"""A webhook's one POST: signed, bounded, never redirected, never into our own network."""

import datetime as dt
import ipaddress
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from feedback.models import new_secret
from outbox import network, webhook
from outbox.messages import DeliveryError
from outbox.webhook import WebhookPost, check_url
from tests.outbox.certificates import certificate, server_context
from tests.outbox.receiver import receiving
from tests.ports import free_port

KEY = uuid.UUID("0192f5a4-7b7e-7c11-9a7e-2f4c1f9f0a11")
BODY = '{"hello":"Zoë"}'.encode()


def post(url: str, secret: str | None = None) -> None:
    WebhookPost(url, secret or new_secret(), BODY).send(KEY)


def refused(url: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        post(url)
    return caught.value


@contextmanager
def dripping() -> Iterator[str]:
    """A receiver that sends its answer byte by byte, and never comes to its end."""
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        with server.accept()[0] as connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server])
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        over.set()
        thread.join(10)


def test_it_works() -> None:
    secret = new_secret()
    with receiving() as receiver:
        post(receiver.url, secret)
    [request] = receiver.requests
    assert (request.path, request.body) == ("/hook", BODY)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["webhook-id"] == str(KEY)
    assert Webhook(secret).verify(request.body, request.headers) == {"hello": "Zoë"}


def test_the_signature_is_worth_nothing_for_another_body_or_secret() -> None:
    secret = new_secret()
    with receiving() as receiver:
        post(receiver.url, secret)
    [request] = receiver.requests
    for verifier, body in ((secret, b'{"hello":"Bo"}'), (new_secret(), BODY)):
        with pytest.raises(WebhookVerificationError):
            Webhook(verifier).verify(body, request.headers)


@pytest.mark.parametrize(
    ("status", "permanent"), [(302, False), (400, False), (410, True), (429, False), (500, False)]
)
def test_every_other_status_is_an_error(status: int, permanent: bool) -> None:
    with receiving(status=status) as receiver:
        error = refused(receiver.url)
    assert (str(error), error.permanent) == (f"HTTP {status}", permanent)


def test_a_redirect_is_not_followed() -> None:
    with receiving() as inside, receiving(status=307, Location=inside.url) as receiver:
        refused(receiver.url)
    assert inside.requests == []


def test_a_certificate_is_checked_for_the_name_and_not_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with receiving(tls=server_context(trusted)) as receiver:
        post(f"https://localhost:{receiver.port}/hook")
        assert "certificate" in str(refused(f"https://127.0.0.1:{receiver.port}/hook"))
    assert len(receiver.requests) == 1
    with receiving(tls=server_context(certificate(tmp_path, "elsewhere.example"))) as receiver:
        assert "certificate" in str(refused(f"https://localhost:{receiver.port}/hook"))
    assert receiver.requests == []


def test_nobody_listening_is_tried_again() -> None:
    error = refused(f"http://127.0.0.1:{free_port()}/")
    assert str(error).startswith("Connection failed: ")
    assert not error.permanent


def test_a_name_that_does_not_resolve_is_tried_again() -> None:
    error = refused("https://nowhere.invalid/hook")
    assert "nowhere.invalid cannot be resolved" in str(error)
    assert not error.permanent


def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.5)
    with dripping() as url:
        error = refused(url)
    assert str(error) == "No answer within 0.5 seconds"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]",
        "2130706433", "0x7f.1", "127.1", "017700000001",
    ],
)  # fmt: skip
def test_our_own_network_is_out_of_reach(settings: Settings, host: str) -> None:
    settings.WEBHOOK_PRIVATE = False
    with receiving() as receiver:
        error = refused(f"http://{host}:{receiver.port}/hook")
    assert receiver.requests == []
    assert "not a public address" in str(error) or "cannot be resolved" in str(error)


def test_a_name_for_our_own_network_is_refused_for_good(settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE = False
    error = refused("http://localhost:9/")
    assert error.permanent
    assert str(error).endswith("which is not a public address. Set FIRSTHAND_WEBHOOK_PRIVATE=1 to allow it.")


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_the_public_internet_is_within_reach(address: str) -> None:
    assert network.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["224.0.0.1", "240.0.0.1", "255.255.255.255", "ff02::1", "::", "fec0::1"])
def test_addresses_of_nobody_are_not_public(address: str) -> None:
    assert not network.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://example.com/", "must start with https:// or http://"),
        ("file:///etc/passwd", "must start with https:// or http://"),
        ("https://", "name a host"),
        ("example.com/hook", "must start with https:// or http://"),
        ("https://ana:secret@example.com/", "Leave user name and password out"),
        ("https://example.com:99999/", "There is no port 99999"),
        ("http://exa mple.com\r\nX: y/", "not a URL"),
        ("https://exa mple.com/", "There is no host"),
        ("https://xn--/", "not a URL"),
    ],
)
def test_what_is_no_address_of_a_receiver_is_refused_by_name(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_url(url)


def test_the_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that answers the check with one address and the connection with another gets nowhere."""
    asked: list[object] = []
    real = socket.getaddrinfo

    def counted(*arguments: object, **named: object) -> object:
        asked.append(arguments[0])
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", counted)
    with receiving() as receiver:
        post(f"http://localhost:{receiver.port}/")
    assert asked.count("localhost") == 1


def test_the_time_of_signing_is_that_of_the_attempt() -> None:
    with receiving() as receiver:
        post(receiver.url)
    stamp = int(receiver.requests[0].headers["webhook-timestamp"])
    assert abs(dt.datetime.now(dt.UTC).timestamp() - stamp) < 60
