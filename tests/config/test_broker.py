"""The embedded broker: complete messages, in order."""

import threading
from pathlib import Path

import kombu
import pytest

from config.celery import app
from config.home import broker
from config.home.layout import Home


def connect(home: Home) -> kombu.Connection:
    given = broker.configuration(broker.EMBEDDED, home)
    return kombu.Connection(given["broker_url"], transport_options=given["broker_transport_options"])


def test_messages_arrive_in_order(tmp_path: Path) -> None:
    with connect(Home(tmp_path)) as connection, connection.SimpleQueue("work") as queue:
        for number in range(20):
            queue.put({"number": number})
        got = [queue.get(timeout=60) for _ in range(20)]
        for each in got:
            each.ack()
    assert [each.payload["number"] for each in got] == list(range(20))


def test_a_reader_never_sees_a_partial_message(tmp_path: Path) -> None:
    home, text = Home(tmp_path), "x" * 200_000

    def write() -> None:
        with connect(home) as connection, connection.SimpleQueue("large") as queue:
            for _ in range(100):
                queue.put({"text": text})

    with connect(home) as connection, connection.SimpleQueue("large") as queue:
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(100):
            message = queue.get(timeout=60)
            message.ack()
            assert message.payload == {"text": text}
        writer.join()
    assert list((home.broker / "messages").iterdir()) == []


def test_another_broker_is_used_by_its_url(tmp_path: Path) -> None:
    assert broker.configuration("redis://cache.example/1", Home(tmp_path)) == {
        "broker_url": "redis://cache.example/1"
    }


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()
    planned = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert planned <= set(app.tasks)


@pytest.mark.parametrize("name", ["enrich", "load", "heartbeat", "maintain"])
def test_a_scheduled_task_that_waited_too_long_is_dropped(name: str) -> None:
    entry = app.conf.beat_schedule[name]
    assert entry["options"]["expires"] <= 2 * entry["schedule"]
