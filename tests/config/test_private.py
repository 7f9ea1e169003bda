"""The home belongs to its owner alone: what is in it, what its logs say, and what leaves it as a backup."""

import os
import re
import secrets
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from config.home import backup, part, postgres, private
from config.home.layout import Home, HomeError
from config.logs import without_secrets
from tests.config.installation import ROOT, Installation, eventually

LOG_SIZE, LOG_FILES = 4000, 2
TOKEN = "Zm9yZ290dGVuLXRva2VuLW9mLWFuYQ-0123456789_x"


@pytest.fixture(scope="module")
def ana() -> Iterator[Installation]:
    """Ana's installation: its home is from an earlier version, which let everyone on the machine read it."""
    with tempfile.TemporaryDirectory(prefix="firsthand-private-") as folder:
        root = Path(folder) / "home"
        for name in ("lake/events/part.parquet", "logs/web.log", "secret_key"):
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("as it was before")
            file.chmod(0o644)
        for open_folder in (root, root / "lake", root / "lake" / "events", root / "logs"):
            open_folder.chmod(0o755)
        limits = {"FIRSTHAND_LOG_SIZE": str(LOG_SIZE), "FIRSTHAND_LOG_FILES": str(LOG_FILES)}
        installation = Installation(root, settings=limits)
        usual = os.umask(0o022)
        installation.start()
        os.umask(usual)
        yield installation
        installation.signal(signal.SIGTERM)


def readable_by_others(root: Path) -> list[str]:
    found = []
    for path in (root, *root.rglob("*")):
        # Messages of the broker come and go meanwhile.
        with suppress(FileNotFoundError):
            if path.lstat().st_mode & 0o077 and not path.is_symlink():
                found.append(str(path))
    return found


@pytest.mark.system
@pytest.mark.slow
class TestInstallation:
    def test_all_of_the_home_is_private_from_the_first_start_on(self, ana: Installation) -> None:
        assert (ana.root / "lake/events/part.parquet").read_text() == "as it was before"
        write_key = re.search(r"write key +(\S+)", ana.console.read_text())
        assert write_key
        event = {"userId": "mina", "event": "came", "writeKey": write_key[1]}
        assert httpx.post(f"http://127.0.0.1:{ana.port}/v1/track", json=event).status_code == 200
        eventually(lambda: list(ana.root.glob("lake/**/_delta_log/*.json")), "the event in the lake")
        assert ana.manage("newproject", "Bo's shop").returncode == 0
        assert readable_by_others(ana.root) == []

    def test_a_backup_is_private(self, ana: Installation) -> None:
        file = ana.root.parent / "backup.tar.gz"
        assert ana.manage("backup", str(file)).returncode == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert readable_by_others(ana.root) == []

    def test_no_sign_in_token_or_key_reaches_a_log(self, ana: Installation) -> None:
        link, site = ana.sign_in_path(), f"http://127.0.0.1:{ana.port}"
        secret = re.search(r"API key +(\S+)", ana.console.read_text())
        assert secret
        assert httpx.head(site + link).status_code == 200, "a preview does not use the link up"
        assert httpx.get(site + link).status_code == 200
        for method in ("HEAD", "GET", "DELETE", "POST"):
            httpx.request(
                method, f"{site}/sign-in/{TOKEN}/", headers={"referer": f"https://evil.example{link}"}
            )
        httpx.post(f"{site}/sign-in/", headers={"origin": f"https://evil.example/?token={TOKEN}"})
        httpx.get(f"{site}/nowhere/{secret[1]}/?key={secret[1]}", headers={"referer": site + link})
        written = "".join(log.read_text() for log in (ana.root / "logs").glob("*.log*"))
        assert "Not Found: /nowhere/fhk_…/" in written
        assert "/sign-in/…" in written
        for token in (TOKEN, link.strip("/").split("/")[-1], secret[1]):
            assert token not in written

    def test_logs_are_rotated_while_the_web_runs(self, ana: Installation) -> None:
        web, log = ana.pids()["web"], ana.root / "logs" / "web.log"
        oldest = log.with_name(f"web.log.{LOG_FILES}")
        for number in range(10_000):
            ana.get(f"/nowhere/{number}")
            if oldest.exists():
                break
        ana.get("/nowhere/last")
        eventually(
            lambda: "/nowhere/last" in log.read_text() + log.with_name("web.log.1").read_text(), "its line"
        )
        files = list(log.parent.glob("web.log*"))
        assert len(files) <= LOG_FILES + 1
        assert max(file.stat().st_size for file in files) <= 3 * LOG_SIZE
        assert ana.pids()["web"] == web
        assert readable_by_others(log.parent) == []


def test_the_log_of_a_database_that_a_command_runs_is_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTHAND_LOG_SIZE", "1000")
    monkeypatch.setenv("FIRSTHAND_LOG_FILES", str(LOG_FILES))
    talking = "import itertools, time\nfor n in itertools.count(): print(n, 'x' * 100, flush=True); time.sleep(0.01)"
    server = part.Part("PostgreSQL", [sys.executable, "-c", talking], tmp_path / "postgres.log")
    server.start()
    try:
        with postgres.rotating(server):
            eventually(tmp_path.joinpath(f"postgres.log.{LOG_FILES}").exists, "its oldest log")
    finally:
        server.stop()
    assert not tmp_path.joinpath(f"postgres.log.{LOG_FILES + 1}").exists()


def test_two_first_starts_share_one_secret_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process starts while the first is making its key, at the worst moment."""
    home = Home(tmp_path / "home")
    program = "from config.home import layout; print(layout.home().secret_key())"
    others: list[str] = []

    def second_start(size: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "FIRSTHAND_HOME": str(home.root)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        others.append(done.stdout.strip())
        return "the key of the first, which came too late"

    monkeypatch.setattr(secrets, "token_urlsafe", second_start)
    assert home.secret_key() == others[0]
    assert len(others[0]) > 50
    assert [file.name for file in home.root.iterdir()] == ["secret_key"]
    assert readable_by_others(home.root) == []


def test_an_empty_secret_key_is_explained(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(HomeError, match="secret_key is empty; delete it"):
        Home(tmp_path).secret_key()


def test_a_folder_with_other_files_does_not_become_a_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "letters").mkdir()
    with pytest.raises(HomeError, match="set FIRSTHAND_HOME to a folder of its own"):
        private.prepare(Home(tmp_path))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_what_a_link_in_the_home_names_is_left_alone(tmp_path: Path) -> None:
    disk, home = tmp_path / "disk", Home(tmp_path / "home")
    for folder in (disk, home.root):
        folder.mkdir()
        folder.chmod(0o755)
    home.lake.symlink_to(disk)
    private.prepare(home)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home.root, disk)] == [0o700, 0o755]


def test_a_backup_is_private_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staging = tmp_path / "staging"
    staging.mkdir()
    (staging / backup.MANIFEST).write_text("{}")
    file = tmp_path / "backup.tar.gz"
    modes: list[int] = []
    add = tarfile.TarFile.add

    def observed(tar: tarfile.TarFile, name: Path, arcname: str) -> None:
        modes.extend(stat.S_IMODE(part.stat().st_mode) for part in tmp_path.glob("*.part"))
        add(tar, name, arcname)

    monkeypatch.setattr(tarfile.TarFile, "add", observed)
    usual = os.umask(0o022)
    try:
        backup._pack(staging, file)
    finally:
        os.umask(usual)
    assert modes == [0o600]


def test_a_log_keeps_its_newest_lines_and_so_many_older_files(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("a") as process:
        for number in range(30):
            process.write(f"line {number}\n" + "x" * 90 + "\n")
            process.flush()
            part.rotate(log, 500, 2)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2"]
    assert "line 29" in log.read_text() + (tmp_path / "web.log.1").read_text()
    assert max(file.stat().st_size for file in tmp_path.iterdir()) <= 1000


def test_a_burst_fills_no_disk(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_bytes(b"x" * 100_000 + b"the end")
    part.rotate(log, 1000, 1)
    assert (tmp_path / "postgres.log.1").read_bytes() == (b"x" * 100_000 + b"the end")[-2000:]
    assert log.read_bytes() == b""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"Gone: /sign-in/{TOKEN}/", "Gone: /sign-in/…/"),
        ("GET https://x.example/hook?secret=1&b=2 200", "GET https://x.example/hook?… 200"),
        ("postgresql://ana:s3cret@db/firsthand", "postgresql://ana:…@db/firsthand"),
        ("key fhk_abc-DEF_1 and fhs_abc of eyJhbGciOi.eyJzdWIi.c2ln", "key fhk_… and fhs_… of eyJ…"),
        ("Authorization: Basic ZmhrX2FiY2RlZg==", "Authorization: Basic Zmh…"),
        ("fhw_public is public; is it? yes = no", "fhw_public is public; is it? yes = no"),
    ],
)
def test_log_lines_show_no_secrets(line: str, shown: str) -> None:
    assert without_secrets(line) == shown
