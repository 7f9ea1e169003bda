"""Paths in the home, and reading environment variables."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from config import env
from config.home import layout, up
from config.home.layout import SOCKET_NAME, SOCKET_PATH_LIMIT, Home
from tests.config.installation import ROOT


@pytest.mark.parametrize("name", ["short", "with blanks", "ü" * 60, "long-" * 40])
def test_the_socket_path_fits_for_any_home(tmp_path: Path, name: str) -> None:
    socket = Home(tmp_path / name).socket_directory / SOCKET_NAME
    assert len(os.fsencode(socket)) <= SOCKET_PATH_LIMIT


def test_two_homes_with_long_paths_share_no_socket(tmp_path: Path) -> None:
    one, two = (Home(tmp_path / ("long-" * 40 + end)) for end in "ab")
    assert one.socket_directory != two.socket_directory


def test_the_secret_key_is_created_once_and_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.secret_key() == home.secret_key()
    assert (home.root / "secret_key").stat().st_mode & 0o777 == 0o600
    assert Home(tmp_path / "another").secret_key() != home.secret_key()


def test_an_external_database_is_set_by_url_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert layout.database_url() == Home(tmp_path).database_url
    (tmp_path / "address").write_text("postgresql://db.example/shop\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "address"))
    assert layout.database_url() == "postgresql://db.example/shop"


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_SECRET_KEY_FILE", "/no/such/file")
    with pytest.raises(
        env.ConfigurationError, match=r"FIRSTHAND_SECRET_KEY_FILE='/no/such/file' cannot be read"
    ):
        env.secret("FIRSTHAND_SECRET_KEY")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "eighty", "PORT='eighty' is not a whole number"),
        ("PORT", "0", "PORT=0 is too small"),
        ("PORT", "65536", "PORT=65536 is too large"),
    ],
)
def test_an_invalid_value_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(env.ConfigurationError, match=said):
        up.address()


@pytest.mark.parametrize(("raw", "value"), [("yes", True), ("ON", True), ("0", False), ("", False)])
def test_booleans(monkeypatch: pytest.MonkeyPatch, raw: str, value: bool) -> None:
    monkeypatch.setenv("FIRSTHAND_DEBUG", raw)
    assert env.boolean("FIRSTHAND_DEBUG") is value


def test_an_invalid_boolean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_DEBUG", "maybe")
    with pytest.raises(env.ConfigurationError, match="not a boolean; set FIRSTHAND_DEBUG=1"):
        env.boolean("FIRSTHAND_DEBUG")


def test_blanks_in_a_list_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTHAND_ALLOWED_HOSTS", " a.example , ,b.example")
    assert env.words("FIRSTHAND_ALLOWED_HOSTS") == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "[::1]")],  # noqa: S104
)
def test_the_address_can_be_clicked(host: str, shown: str) -> None:
    assert up.Address(host, 8000).url == f"http://{shown}:8000"


def test_a_python_without_our_packages_says_where_they_are(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)
    told = subprocess.run(
        [bare / "bin" / "python", ROOT / "manage.py", "doctor"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert "lacks django; `make run` installs everything into .venv" in told.stderr
    assert "Traceback" not in told.stderr


def test_fewer_hot_days_than_exactly_once_needs_are_refused() -> None:
    command = [sys.executable, "-c", "import config.settings"]
    variables = {**os.environ, "FIRSTHAND_HOT_DAYS": "2"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "FIRSTHAND_HOT_DAYS=2 is too small; the minimum is 3" in done.stderr
