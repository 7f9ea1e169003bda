"""The embedded server's log has nothing of an event in it, and does not grow with the size of a failing statement."""

import os
import uuid
from pathlib import Path

import psycopg
import pytest


@pytest.fixture
def log() -> Path:
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        [data] = database.execute("SHOW data_directory").fetchone() or [""]
    # The server belongs to the home of the first test process, whatever this one's home is.
    path = Path(data).parent / "logs" / "postgres.log"
    if not path.exists():
        pytest.fail("the tests run on another server; unset DATABASE_URL")
    return path


@pytest.mark.parametrize("inline", [True, False])
def test_an_error_is_logged_without_its_statement_and_values(log: Path, inline: bool) -> None:
    secret, before = uuid.uuid4().hex, log.stat().st_size
    text = f'{{"{secret}": ' + "x" * 500_000
    query, values = (f"SELECT '{text}'::json", None) if inline else ("SELECT %s::json", [text])
    with psycopg.connect(os.environ["DATABASE_URL"]) as database, pytest.raises(psycopg.DataError):
        database.execute(query, values)
    with log.open("rb") as file:
        file.seek(before)
        added = file.read().decode()
    assert "invalid input syntax for type json" in added
    assert secret not in added
    # Other test processes write to this log, too, but nothing like the 500,000 bytes of the statement.
    assert len(added) < 100_000


def test_a_violated_constraint_is_logged_without_the_row(log: Path) -> None:
    secret, before = uuid.uuid4().hex, log.stat().st_size
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        database.execute("CREATE TEMPORARY TABLE known (name text PRIMARY KEY)")
        database.execute("INSERT INTO known VALUES (%s)", [secret])
        with pytest.raises(psycopg.IntegrityError):
            database.execute("INSERT INTO known VALUES (%s)", [secret])
    with log.open("rb") as file:
        file.seek(before)
        added = file.read().decode()
    assert "duplicate key value violates unique constraint" in added
    assert secret not in added
