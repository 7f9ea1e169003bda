"""Write keys: new and revoked keys, and the file that caches them over a restart."""

import stat
import time
from pathlib import Path

from django.utils.timezone import now

from analytics.ingest import keys as ingest_keys
from analytics.ingest.local import LocalIngest
from projects import keys
from projects.models import Key
from tests.analytics.ingest.conftest import Harness

CALL = {"userId": "ana", "event": "x"}


def status(harness: Harness, key: str) -> int:
    return harness.ingest.post("/v1/track", CALL, key=key).status_code


def test_a_new_key_works_at_once(harness: Harness) -> None:
    for _ in range(3):
        assert status(harness, keys.create(harness.team.new.project, Key.Kind.WRITE).text) == 200


def test_a_revoked_key_stops_working_by_itself(harness: Harness) -> None:
    created = keys.create(harness.team.new.project, Key.Kind.WRITE)
    assert status(harness, created.text) == 200
    created.key.revoked_at = now()
    created.key.save()
    until = time.monotonic() + 60
    while status(harness, created.text) == 200:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert status(harness, harness.team.write_key) == 200


def test_unknown_keys_cannot_flood_the_database(harness: Harness) -> None:
    began = time.monotonic()
    assert {status(harness, f"guess {number}") for number in range(10)} == {401}
    assert time.monotonic() - began >= 9 * ingest_keys.MIN_REFRESH_SECONDS


def test_the_key_file_holds_only_digests_and_may_be_damaged(own_home: Path, harness: Harness) -> None:
    file = own_home / "spool" / "keys.json"
    with LocalIngest() as ingest:
        assert ingest.post("/v1/track", CALL, key=harness.team.write_key).status_code == 200
    assert harness.team.write_key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"{ damaged")
    with LocalIngest() as ingest:
        assert ingest.post("/v1/track", CALL, key=harness.team.write_key).status_code == 200


def test_a_key_writes_to_its_own_project(harness: Harness) -> None:
    assert status(harness, harness.team.write_key) == 200
    assert {row["project_id"] for row in harness.inbox()} == {harness.team.id}
