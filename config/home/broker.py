"""The embedded broker: kombu's filesystem transport, with messages as files in the home."""

import os
import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

from config.home.layout import Home

EMBEDDED = "filesystem://"
POLL_SECONDS = 0.2


class Channel(filesystem.Channel):
    """kombu's channel, with atomic writes."""

    # kombu's base class declares another signature than the one of its file transport.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        # kombu reads files sorted by name. Zero-padded, that is the order in which they were sent.
        name = f"{monotonic_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        # kombu creates the file, then writes it. A worker that reads in between gets an empty message and fails.
        unfinished = folder / f"{name}.part"
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / name)


class Transport(filesystem.Transport):
    Channel = Channel


TRANSPORT_ALIASES["firsthand"] = f"{__name__}:Transport"


def configuration(url: str, home: Home) -> dict[str, Any]:
    """Celery's settings for the broker at `url`: the embedded one, or any that Celery supports."""
    if url != EMBEDDED:
        return {"broker_url": url}
    folders = {name: home.broker / name for name in ("messages", "control", "taken")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": "firsthand://localhost",
        "broker_transport_options": {
            "data_folder_in": os.fspath(folders["messages"]),
            "data_folder_out": os.fspath(folders["messages"]),
            "control_folder": os.fspath(folders["control"]),
            "processed_folder": os.fspath(folders["taken"]),
            # With True, kombu would keep every message as a file, about two a second.
            "store_processed": False,
            "polling_interval": POLL_SECONDS,
        },
    }
