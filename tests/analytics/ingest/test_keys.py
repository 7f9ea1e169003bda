"""Write keys: new and revoked keys, and the file that caches them over a restart."""

import stat
import time
from pathlib import Path

from django.utils.timezone import now

from analytics.ingest import keys as ingest_keys
from analytics.ingest.local import LocalIngest
from projects import identity_secrets, keys
from projects.models import Key
from tests.analytics.ingest.conftest import Harness
from tests.feedback.embed.visiting import token

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


AWAY = "postgresql://firsthand@127.0.0.1:1/away?connect_timeout=1"


def test_identity_secrets_are_never_written_to_the_home(own_home: Path, harness: Harness) -> None:
    """So a process that starts while the database is down cannot check tokens, and lets their senders retry."""
    identity_secrets.set_enforced(harness.team.new.project, enforced=True)
    call, key = {"userId": "ana"}, harness.team.write_key
    headers = {"Firsthand-Identity": token(harness.team, "ana")}
    with LocalIngest() as ingest:
        assert ingest.post("/v1/identify", call, key=key, headers=headers).status_code == 200
    secret = harness.team.new.identity_secret
    stored = [file.read_bytes() for file in own_home.rglob("*") if file.is_file()]
    assert stored
    assert not [content for content in stored if secret.encode() in content]
    with LocalIngest(AWAY) as ingest:
        unchecked = ingest.post("/v1/identify", call, key=key, headers=headers)
        assert (unchecked.status_code, "retry-after" in unchecked.headers) == (503, True)
        assert ingest.post("/v1/identify", call, key=key).status_code == 401, (
            "it still knows what is enforced"
        )
        assert ingest.post("/v1/track", CALL, key=key).status_code == 200


ALIAS = {"userId": "ana", "previousId": "ana@work"}


def links(harness: Harness) -> list[str]:
    return [row["link"] for row in harness.inbox()]


def test_an_alias_is_proved_by_an_api_key_that_may_merge_people(harness: Harness) -> None:
    secret = harness.team.people_key()
    assert harness.ingest.post("/v1/alias", ALIAS, key=secret).json() == {"success": True}
    batch = {"batch": [ALIAS | {"type": "alias"}], "writeKey": secret}
    assert harness.ingest.post("/v1/batch", batch, key=secret).json() == {"success": True}
    bearer = {"authorization": f"Bearer {secret}"}
    assert harness.ingest.post("/v1/alias", ALIAS, headers=bearer).json() == {"success": True}
    event = {"event": "$create_alias", "distinct_id": "ana@work", "properties": {"alias": "ana"}}
    assert harness.ingest.post("/capture/", event, headers=bearer).json() == {"status": 1}
    assert links(harness) == ["proved alias"] * 4


def test_an_alias_with_a_write_key_is_not_proved(harness: Harness) -> None:
    assert harness.ingest.post("/v1/alias", ALIAS, key=harness.team.write_key).status_code == 200
    proxy = {"authorization": "Bearer of.a.proxy"}
    harness.ingest.post("/v1/alias", ALIAS | {"writeKey": harness.team.write_key}, headers=proxy)
    assert links(harness) == ["alias", "alias"]


def test_an_api_key_that_only_reads_sends_nothing(harness: Harness) -> None:
    reader = keys.create(harness.team.new.project, Key.Kind.API, scopes=keys.READ)
    answer = harness.ingest.post("/v1/alias", ALIAS, key=reader.text)
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")
    assert "lacks the scope people:write" in answer.json()["error"]


def test_an_api_key_in_a_body_is_refused_and_shown_to_nobody(harness: Harness) -> None:
    secret = harness.team.people_key()
    answer = harness.ingest.post("/v1/alias", ALIAS | {"writeKey": secret})
    assert (answer.status_code, harness.inbox()) == (401, [])
    assert "Authorization header only" in answer.json()["error"]
    harness.ingest.post("/v1/track", {"writeKey": secret, "event": "x"}, key=secret)
    harness.batch({"type": "track", "userId": "ana", "writeKey": secret})
    samples = [warning["sample"] for warning in harness.warnings()]
    assert len(samples) == 3
    assert not [sample for sample in samples if secret in sample]


def test_a_key_writes_to_its_own_project(harness: Harness) -> None:
    assert status(harness, harness.team.write_key) == 200
    assert {row["project_id"] for row in harness.inbox()} == {harness.team.id}
