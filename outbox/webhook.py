"""Webhooks: one POST of JSON, signed as Standard Webhooks (https://www.standardwebhooks.com)."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore
import httpx
from django.conf import settings
from standardwebhooks import Webhook

from outbox.messages import DeliveryError
from outbox.network import Deadline, GuardedBackend, PrivateAddressError

SECONDS = 10
"""For one attempt: resolve, connect, send, and read the answer's status."""

GONE = 410


def check_url(url: str) -> httpx.URL:
    """Raises ValueError with what to change. Whether its host is allowed is decided at each attempt."""
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ValueError(f"This is not a URL: {error}. Write for example https://example.com/hook.") from None
    if parsed.scheme not in {"http", "https"} or not host:
        raise ValueError("The URL must start with https:// or http:// and name a host.")
    if "%" in host:
        # httpx percent-encodes characters that no host name can contain, such as a space.
        raise ValueError(f"There is no host {host!r}. Write for example https://example.com/hook.")
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise ValueError(f"There is no port {parsed.port}. The largest is 65535.")
    if parsed.userinfo:
        raise ValueError("Leave user name and password out of the URL. Deliveries are signed instead.")
    return parsed


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """`body` is JSON. Only the answer's status counts: its body is not read, and redirects are not followed."""

    url: str
    secret: str
    body: bytes

    def send(self, key: uuid.UUID) -> None:
        try:
            status = self._post(key)
        except ValueError as error:
            raise DeliveryError(str(error), permanent=True) from error
        except PrivateAddressError as error:
            hint = "Set FIRSTHAND_WEBHOOK_PRIVATE=1 to allow it."
            raise DeliveryError(f"{error}. {hint}", permanent=True) from error
        except httpcore.TimeoutException as error:
            raise DeliveryError(f"No answer within {SECONDS} seconds") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise DeliveryError(f"Connection failed: {error}") from error
        if not 200 <= status < 300:
            raise DeliveryError(f"HTTP {status}", permanent=status == GONE)

    def _post(self, key: uuid.UUID) -> int:
        url = check_url(self.url)
        # From the URL that was checked: another parser could read another host from its text.
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        backend = GuardedBackend(Deadline(SECONDS), private=settings.WEBHOOK_PRIVATE)
        context = httpx.create_ssl_context()
        with (
            # A pool per attempt: a reused connection would skip the check of addresses and keep an old deadline.
            httpcore.ConnectionPool(ssl_context=context, network_backend=backend) as pool,
            pool.stream("POST", target, headers=self._headers(key, url), content=self.body) as answer,
        ):
            return answer.status

    def _headers(self, key: uuid.UUID, url: httpx.URL) -> Mapping[bytes | str, bytes | str]:
        now = dt.datetime.now(dt.UTC)
        return {
            "Host": url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "Content-Length": str(len(self.body)),
            "User-Agent": "Firsthand",
            "Connection": "close",
            "webhook-id": str(key),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(str(key), now, self.body.decode()),
        }
