"""kill -9 of any part at any moment: acknowledged events are stored once, and doctor passes."""

import random
import threading
import time

import pytest

from tests.chaos.conftest import LONG, Target
from tests.chaos.load import LoadGenerator
from tests.config.installation import PARTS, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chaos")]

EVENTS = 100_000 if LONG else 20_000
ROUNDS = 5 if LONG else 1


def kill_everything_in_turn(target: Target, seed: int) -> None:
    chance = random.Random(seed)
    for part in chance.sample(PARTS * ROUNDS, len(PARTS) * ROUNDS):
        time.sleep(chance.uniform(0.1, 1.5))
        target.installation.kill(part)


def test_every_acknowledged_event_is_kept_once(target: Target) -> None:
    seed = random.SystemRandom().randrange(10_000)
    load = LoadGenerator(target.url, target.write_key, pace=0.02)
    killer = threading.Thread(target=kill_everything_in_turn, args=(target, seed))
    killer.start()
    load.run(EVENTS)
    while killer.is_alive():
        load.run(EVENTS // 20)
    sent = len(load.acknowledged)
    eventually(lambda: target.counted() >= sent, f"{sent} events to be stored (seed {seed})", 120)

    assert load.retries > 0, f"no kill caused a retry (seed {seed})"
    ids = target.ids()
    assert len(ids) == len(set(ids)), f"seed {seed}"
    assert set(ids) == load.acknowledged, f"seed {seed}"
    doctor = target.installation.manage("doctor")
    assert doctor.returncode == 0, f"seed {seed}: {doctor.stdout}{doctor.stderr}"
