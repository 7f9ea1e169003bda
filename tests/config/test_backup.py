"""Backups of a running installation, and what a restore brings back."""

import io
import json
import signal
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from analytics import pipeline
from analytics.lake import table
from analytics.lake.columns import EVENTS
from analytics.models import DataVersion
from config.home import backup, layout, postgres, sequences
from config.home.layout import Home, HomeError
from tests.config.installation import Installation, eventually
from tests.journey import Journey
from tests.people import Team

pytestmark = pytest.mark.xdist_group("backup")


@contextmanager
def without_database_url() -> Iterator[None]:
    """Without DATABASE_URL, so that the home uses its embedded database."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DATABASE_URL")
        yield


@dataclass(frozen=True)
class Restored:
    """A restored home with its database running."""

    home: Home

    def ask(self, question: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.home.database_url) as database:
            return database.execute(question).fetchall()


@contextmanager
def restored_home(home: Home, file: Path) -> Iterator[Restored]:
    with without_database_url():
        backup.restore(home, file, home.database_url)
        with postgres.running(home, "test"):
            yield Restored(home)


@pytest.fixture
def here() -> Home:
    return layout.home()


@pytest.fixture
def another() -> Iterator[Home]:
    """An empty home."""
    with tempfile.TemporaryDirectory(prefix="firsthand restored ") as folder:
        yield Home(Path(folder) / "home")


@pytest.fixture
def address() -> str:
    return layout.database_url()


def test_every_table_and_file_is_restored(
    team: Team, here: Home, address: str, another: Home, tmp_path: Path, settings: Settings
) -> None:
    Journey(team).identify("ana", traits={"name": "Ana"}).track("ana", "signup").track(
        "bo", "signup"
    ).through()
    report = backup.backup(here, tmp_path / "b.tar.gz", address)
    assert report.bytes == (tmp_path / "b.tar.gz").stat().st_size
    with psycopg.connect(address) as database:
        before = {
            name: database.execute(f'SELECT count(*) FROM "{name}"').fetchall() for name in tables(database)
        }
    with restored_home(another, tmp_path / "b.tar.gz") as restored:
        assert {name: restored.ask(f'SELECT count(*) FROM "{name}"') for name in before} == before
        names = f"SELECT name FROM analytics_person WHERE project_id = {team.id} ORDER BY name"
        assert restored.ask(names) == [("Ana",), ("bo",)]
    assert files(another.lake) == files(here.lake)
    assert (another.root / "secret_key").read_text() == here.secret_key()
    watermark = table.watermark(EVENTS)
    settings.LAKE_URL = str(another.lake)
    assert table.watermark(EVENTS) == watermark > 0


def tables(database: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Unlogged ones (the cache, rate limits) are left out: a backup has none of their rows."""
    logged = """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relpersistence = 'p'
    """
    return [str(name) for (name,) in database.execute(logged)]


def restore(home: Home, file: Path) -> None:
    with without_database_url():
        backup.restore(home, file, home.database_url)


def files(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_stale_sequences_are_repaired(
    team: Team, here: Home, address: str, another: Home, tmp_path: Path
) -> None:
    """As in a database that somebody restored by hand: the next person would get the number of an existing one."""
    Journey(team).track("ana", "signup").track("bo", "signup").through()
    with psycopg.connect(address, autocommit=True) as database:
        ((last,),) = database.execute("SELECT last_value FROM analytics_person_id_seq").fetchall()
        database.execute("SELECT setval('analytics_person_id_seq', 1)")
        try:
            assert [each.name for each in sequences.stale(address)] == ["analytics_person_id_seq"]
            backup.backup(here, tmp_path / "b.tar.gz", address)
        finally:
            database.execute("SELECT setval('analytics_person_id_seq', %s)", [last])
    with restored_home(another, tmp_path / "b.tar.gz") as restored:
        (((highest,),), ((now,),)) = (
            restored.ask("SELECT max(id) FROM analytics_person"),
            restored.ask("SELECT last_value FROM analytics_person_id_seq"),
        )
        assert now == highest


def test_the_sequence_of_events_is_never_below_the_lakes(address: str) -> None:
    """Load would never see events below the lake's highest sequence."""
    with psycopg.connect(address, autocommit=True) as database:
        ((last,),) = database.execute("SELECT last_value FROM analytics_event_sequence").fetchall()
        ahead = int(str(last)) + 1_000
        [repaired] = sequences.repair(address, events=ahead)
        assert (repaired.name, repaired.highest) == (sequences.EVENTS, ahead)
        ((next_one,),) = database.execute("SELECT nextval('analytics_event_sequence')").fetchall()
    assert next_one == ahead + 1
    assert sequences.repair(address, events=ahead) == []


def test_a_backup_under_load_is_consistent(
    team: Team, here: Home, address: str, another: Home, tmp_path: Path, settings: Settings
) -> None:
    """Events missing in the lake are in the database, and the lake is never ahead: every event is there once."""
    done, before = threading.Event(), DataVersion.objects.count()

    def live() -> None:
        for number in range(60):
            if done.is_set():
                break
            Journey(team).track(f"person {number}", "came").track(f"person {number}", "left").send()
            pipeline.until_idle()
        connection.close()

    traffic = threading.Thread(target=live)
    traffic.start()
    eventually(lambda: DataVersion.objects.count() > before, "the first rollup")
    backup.backup(here, tmp_path / "b.tar.gz", address)
    done.set()
    traffic.join()

    with restored_home(another, tmp_path / "b.tar.gz") as restored:
        settings.LAKE_URL = str(another.lake)
        watermark, where = table.watermark(EVENTS), f"project_id = {team.id}"
        beyond = restored.ask(f"SELECT id FROM analytics_event WHERE {where} AND sequence > {watermark}")
        ledger = f"SELECT sum(count)::int FROM analytics_ledger WHERE {where} AND outcome = 'stored'"
        ((stored,),) = restored.ask(ledger)
        ((highest,),) = restored.ask("SELECT max(sequence) FROM analytics_event")
        ((version,),) = restored.ask("SELECT max(lake_version) FROM analytics_data_version")
    loaded = [each for batch in table.scan(EVENTS, ["id"], where) for each in batch["id"].to_pylist()]
    assert isinstance(highest, int)
    assert isinstance(version, int)
    assert watermark <= highest
    assert len(loaded) + len(beyond) == stored
    assert version <= table.version(EVENTS)


def test_unknown_files_are_backed_up(here: Home, address: str, another: Home, tmp_path: Path) -> None:
    picture = here.root / "pictures" / "ü" / "1.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(b"\x89PNG")
    backup.backup(here, tmp_path / "b.tar.gz", address)
    restore(another, tmp_path / "b.tar.gz")
    assert (another.root / "pictures" / "ü" / "1.png").read_bytes() == b"\x89PNG"
    assert not list(another.root.glob("*.part"))
    assert not list(here.root.glob("*.part"))


def test_only_its_owner_can_read_a_backup(here: Home, address: str, tmp_path: Path) -> None:
    backup.backup(here, tmp_path / "b.tar.gz", address)
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


def test_a_home_in_use_is_not_overwritten(here: Home, address: str, another: Home, tmp_path: Path) -> None:
    backup.backup(here, tmp_path / "b.tar.gz", address)
    another.lake.mkdir(parents=True)
    (another.lake / "events").mkdir()
    with pytest.raises(
        HomeError, match=r"already holds an installation \(lake\); restore into an empty home"
    ):
        backup.restore(another, tmp_path / "b.tar.gz", another.database_url)


def test_a_database_in_use_is_not_overwritten(
    here: Home, address: str, another: Home, tmp_path: Path
) -> None:
    backup.backup(here, tmp_path / "b.tar.gz", address)
    with pytest.raises(HomeError, match=r"the database already has \d+ tables"):
        backup.restore(another, tmp_path / "b.tar.gz", address)


def test_a_failed_restore_can_be_repeated(here: Home, address: str, another: Home, tmp_path: Path) -> None:
    backup.backup(here, tmp_path / "b.tar.gz", address)
    broken = tmp_path / "broken.tar.gz"
    repack(tmp_path / "b.tar.gz", broken, {backup.DUMP: b"PGDMP but no more"})
    with pytest.raises(HomeError, match="pg_restore failed"):
        restore(another, broken)
    restore(another, tmp_path / "b.tar.gz")


def repack(file: Path, target: Path, changed: dict[str, bytes]) -> None:
    with tarfile.open(file) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            data = changed.get(member.name, content.read() if content else b"")
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b\x08\x00cut"])
def test_a_file_that_is_not_a_backup_is_rejected(another: Home, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.tar.gz").write_bytes(content)
    with pytest.raises(HomeError, match=r"odd\.tar\.gz is not a complete Firsthand backup"):
        restore(another, tmp_path / "odd.tar.gz")
    assert not another.postgres.exists()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("../evil", tarfile.REGTYPE), ("/evil", tarfile.REGTYPE), ("lake/link", tarfile.SYMTYPE)],
)
def test_a_backup_with_paths_outside_the_home_is_rejected(
    another: Home, tmp_path: Path, name: str, kind: bytes
) -> None:
    evil, manifest = tarfile.TarInfo(name), tarfile.TarInfo(backup.MANIFEST)
    evil.type, evil.linkname = kind, "/etc/passwd"
    manifest_json = json.dumps({"format": backup.FORMAT}).encode()
    manifest.size = len(manifest_json)
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        tar.addfile(manifest, io.BytesIO(manifest_json))
        tar.addfile(evil)
    with pytest.raises(HomeError, match="which no backup of ours does; do not trust it"):
        restore(another, tmp_path / "evil.tar.gz")
    assert not (another.root.parent / "evil").exists()


def test_a_file_that_is_not_there_is_named(another: Home, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"nothing\.tar\.gz does not exist"):
        restore(another, tmp_path / "nothing.tar.gz")


def test_a_backup_of_another_format_is_named(another: Home, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tar:
        note = json.dumps({"format": 99}).encode()
        entry = tarfile.TarInfo(backup.MANIFEST)
        entry.size = len(note)
        tar.addfile(entry, io.BytesIO(note))
    with pytest.raises(HomeError, match="is a backup of format 99; this is format 1"):
        restore(another, tmp_path / "b.tar.gz")


def test_a_file_that_cannot_be_written_is_named(here: Home, address: str, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"cannot write .*no-such.*No such file or directory"):
        backup.backup(here, tmp_path / "no-such" / "b.tar.gz", address)


def test_a_remote_lake_is_not_backed_up(
    here: Home, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTHAND_LAKE_URL", "s3://bucket/lake")
    with pytest.raises(HomeError, match="the lake is at s3://bucket/lake, outside the home"):
        backup.backup(here, tmp_path / "b.tar.gz", address)


@pytest.mark.system
@pytest.mark.slow
def test_an_installation_moves_to_another_home() -> None:
    """Backed up while running, restored into another home and started there: same answers, and doctor passes."""
    with tempfile.TemporaryDirectory(prefix="firsthand-moves-") as folder:
        Path(folder).chmod(0o755)
        old, new = Installation(Path(folder) / "old" / "home"), Installation(Path(folder) / "new" / "home")
        for each in (old, new):
            each.root.parent.mkdir()
        old.start()
        try:
            keys = fill(old)
            saved = old.manage("backup", f"{folder}/b.tar.gz")
            assert saved.returncode == 0, saved.stderr
            answers = ask(old, keys)
        finally:
            old.signal(signal.SIGTERM)
        restored = new.manage("restore", f"{folder}/b.tar.gz")
        assert restored.returncode == 0, restored.stderr
        new.start()
        try:
            eventually(lambda: ask(new, keys) == answers, "the same answers", 30)
            doctor = new.manage("doctor")
            assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        finally:
            new.signal(signal.SIGTERM)


def fill(installation: Installation) -> dict[str, str]:
    keys: dict[str, str] = json.loads(installation.manage("newproject", "Shop", "--json").stdout)
    calls = [
        {"type": "track", "userId": f"person {n}", "event": "came", "messageId": str(n)} for n in range(50)
    ]
    site = f"http://127.0.0.1:{installation.port}"
    httpx.post(f"{site}/v1/batch", json={"batch": calls, "writeKey": keys["write_key"]}).raise_for_status()
    eventually(lambda: ask(installation, keys)["events"] == 50, "all events to be stored", 20)
    done = installation.manage("pipeline", "--until-idle")
    assert done.returncode == 0, done.stderr
    return keys


def ask(installation: Installation, keys: dict[str, str]) -> dict[str, object]:
    site, headers = (
        f"http://127.0.0.1:{installation.port}/api/v1",
        {"Authorization": f"Bearer {keys['api_key']}"},
    )
    answer: dict[str, object] = httpx.get(f"{site}/project", headers=headers).raise_for_status().json()
    return answer
