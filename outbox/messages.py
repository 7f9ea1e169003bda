"""Messages that deliveries are built into, and the reasons why sending one may not succeed.

Exception
├── DeliveryError   not sent; tried again later unless `permanent`
└── Cancelled       nothing left to send
"""

import uuid
from typing import Protocol


class DeliveryError(Exception):
    """The message was not accepted. `permanent` means that another attempt cannot succeed."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class Cancelled(Exception):  # noqa: N818 (an outcome, not an error)
    """The cause is gone: what the message was about was deleted, or its receiver was removed."""


class Message(Protocol):
    """A complete message: sending it needs no database.

    `send` returns when the receiver has accepted the message and raises DeliveryError otherwise. `key` is the same
    in every attempt, so that a receiver can recognise a repeated one.
    """

    def send(self, key: uuid.UUID) -> None: ...
