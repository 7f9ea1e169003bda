"""kill -9 of any part at any moment: what was acknowledged is there once, and the books balance."""

import random
import threading
import time

import pytest

from tests.chaos.conftest import LONG, Target
from tests.chaos.crowd import Crowd
from tests.config.installation import PARTS, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("chaos")]

EVENTS = 100_000 if LONG else 20_000
ROUNDS = 5 if LONG else 1


def kill_everything_in_turn(target: Target, seed: int) -> None:
    chance = random.Random(seed)
    for part in chance.sample(PARTS * ROUNDS, len(PARTS) * ROUNDS):
        time.sleep(chance.uniform(0.1, 1.5))
        target.installation.kill(part)


def test_every_acknowledged_event_is_kept_once(target: Target) -> None:
    seed = random.SystemRandom().randrange(10_000)
    crowd = Crowd(target.url, target.write_key, pace=0.02)
    killer = threading.Thread(target=kill_everything_in_turn, args=(target, seed))
    killer.start()
    crowd.run(EVENTS)
    while killer.is_alive():
        crowd.run(EVENTS // 20)
    sent = len(crowd.acknowledged)
    eventually(lambda: target.counted() >= sent, f"{sent} events to be stored (seed {seed})", 120)

    assert crowd.refusals > 0, f"no kill was felt (seed {seed})"
    ids = target.ids()
    assert len(ids) == len(set(ids)), f"seed {seed}"
    assert set(ids) == crowd.acknowledged, f"seed {seed}"
    doctor = target.installation.manage("doctor")
    assert doctor.returncode == 0, f"seed {seed}: {doctor.stdout}{doctor.stderr}"
