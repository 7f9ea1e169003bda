"""manage.py import segment: a history comes in whole, once, and what is wrong with it is named by line."""

import datetime as dt
import gzip
import io
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from analytics.imports import importer
from analytics.imports.formats import FORMATS
from analytics.imports.report import ImportReport
from analytics.models import LedgerEntry, Person
from analytics.pipeline import PipelineReport, until_idle
from projects import identity_secrets
from projects.models import Key
from tests.journey import Journey
from tests.people import Team

ROOT = Path(__file__).parents[3]


def call(number: int, **changed: Any) -> bytes:
    """Ana's note number so and so, an hour after the one before."""
    at = dt.datetime(2021, 5, 1, tzinfo=dt.UTC) + dt.timedelta(hours=number)
    sent = {
        "type": "track",
        "messageId": f"note-{number}",
        "userId": "ana",
        "event": "note written",
        "timestamp": at,
    }
    return msgspec.json.encode({name: value for name, value in (sent | changed).items() if value is not None})


def file_of(folder: Path, lines: Iterable[bytes], *, name: str = "history.ndjson") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def imported(team: Team, file: Path | str) -> str:
    """What the command says when every line was taken."""
    out = io.StringIO()
    call_command("import", "segment", str(file), project=team.slug, stdout=out)
    return out.getvalue()


def imported_in_part(team: Team, file: Path) -> str:
    """What it says when some were refused: it ends with 3."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("import", "segment", str(file), project=team.slug, stdout=out)
    assert ended.value.code == 3
    return out.getvalue()


def times_of(team: Team) -> list[dt.datetime]:
    with connection.cursor() as cursor:
        cursor.execute('SELECT "timestamp" FROM analytics_event WHERE project_id = %s ORDER BY 1', [team.id])
        return [row[0] for row in cursor.fetchall()]


def test_a_history_needs_no_identity_tokens(team: Team, tmp_path: Path) -> None:
    identity_secrets.set_enforced(team.new.project, enforced=True)
    history = [call(1, type="identify", event=None, traits={"plan": "pro"}), call(2)]
    assert "2 stored, 0 duplicates, 0 rejected" in imported(team, file_of(tmp_path, history))
    assert not LedgerEntry.objects.filter(project_id=team.id, outcome="unproved").exists()


def test_it_works(team: Team, tmp_path: Path) -> None:
    output = imported(team, file_of(tmp_path, map(call, range(30))))
    assert "30 lines: 30 stored, 0 duplicates, 0 rejected" in output
    ana = Person.objects.get(project=team.new.project)
    assert (ana.name, ana.events) == ("ana", 30)


def test_a_second_time_adds_nothing(team: Team, tmp_path: Path) -> None:
    file = file_of(tmp_path, map(call, range(30)))
    imported(team, file)
    assert "30 lines: 0 stored, 30 duplicates, 0 rejected" in imported(team, file)
    assert Person.objects.get(project=team.new.project).events == 30


def test_lines_without_a_message_id_count_once_too(team: Team, tmp_path: Path) -> None:
    nameless = [call(1, messageId=None), call(2, messageId=""), call(3)[:-1] + b',"messageId":null}']
    file = file_of(tmp_path, nameless)
    assert "3 stored" in imported(team, file)
    assert "0 stored, 3 duplicates" in imported(team, file)


def test_times_stay_as_they_were_measured(team: Team, tmp_path: Path) -> None:
    """An exported call may still carry the clock of the browser that sent it; it has been corrected long ago."""
    imported(team, file_of(tmp_path, [call(1, sentAt="2021-05-01T09:00:00Z")]))
    assert times_of(team) == [dt.datetime(2021, 5, 1, 1, tzinfo=dt.UTC)]


def test_gzip_is_known_by_its_content(team: Team, tmp_path: Path) -> None:
    file = tmp_path / "no-name-that-says-so"
    file.write_bytes(gzip.compress(b"\n".join(map(call, range(5)))))
    assert "5 lines: 5 stored" in imported(team, file)


def test_it_reads_standard_input(team: Team) -> None:
    command = [sys.executable, "manage.py", "import", "segment", "-", "--project", team.slug]
    sent = gzip.compress(b"\n".join(map(call, range(5))))
    done = subprocess.run(command, input=sent, cwd=ROOT, capture_output=True, check=True)
    assert b"5 lines: 5 stored" in done.stdout


def test_bad_lines_are_named_and_good_ones_kept(team: Team, tmp_path: Path) -> None:
    lines = [
        call(1),
        b"{ not json",
        b"",
        b"[1, 2]",
        call(2, timestamp=None),
        call(3, userId=None),
        call(4, event=None),
        call(5, type="sneeze"),
        call(6, properties={"words": "x" * 40_000}),
        b'{"junk":"' + b"x" * 500_000 + b'"}',
        call(7),
    ]
    output = imported_in_part(team, file_of(tmp_path, lines))
    assert "10 lines: 2 stored, 0 duplicates, 8 rejected" in output
    assert "line 2: not JSON" in output
    assert "line 4: a line is one JSON object" in output
    assert "line 5: an imported event needs a timestamp" in output
    assert "line 6: the event has no userId, anonymousId or distinct_id" in output
    assert "line 7: the event has no name" in output
    assert "line 8: type must be one of track" in output
    assert "line 9: the event is too large" in output
    assert "line 10: longer than 400,000 bytes" in output


def test_only_the_first_twenty_bad_lines_are_shown(team: Team, tmp_path: Path) -> None:
    output = imported_in_part(team, file_of(tmp_path, [b"?"] * 50))
    assert "line 20:" in output
    assert "line 21:" not in output
    assert "and 30 more" in output
    assert "rejected: 50 unreadable" in output


def test_warnings_are_counted(team: Team, tmp_path: Path) -> None:
    output = imported(team, file_of(tmp_path, [call(1), call(2, userId="null", anonymousId="browser")]))
    assert "2 stored" in output
    assert "kept with a warning: 1 meaningless_id" in output


@pytest.mark.parametrize("cut", [6, 40])
def test_a_broken_gzip_says_how_far_it_could_be_read(team: Team, tmp_path: Path, cut: int) -> None:
    file = tmp_path / "cut.gz"
    file.write_bytes(gzip.compress(b"\n".join(map(call, range(5))))[:-cut])
    with pytest.raises(CommandError, match=r"damaged after line \d: .*download the file again"):
        imported(team, file)


def test_a_file_that_is_not_there(team: Team, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"cannot read .*: No such file"):
        imported(team, tmp_path / "nothing")


def test_a_project_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no project 'nowhere'; there are: "):
        call_command("import", "segment", str(file_of(tmp_path, [])), project="nowhere")


def test_a_project_without_a_live_write_key(team: Team, tmp_path: Path) -> None:
    Key.objects.filter(project=team.new.project).update(revoked_at=now())
    with pytest.raises(CommandError, match="has no write key; create one in its settings"):
        imported(team, file_of(tmp_path, [call(1)]))


def test_requests_stay_below_what_ingest_takes(team: Team, tmp_path: Path) -> None:
    """Large events make small batches, many small ones stop at the count."""
    large = [call(number, properties={"words": "x" * 30_000}) for number in range(40)]
    small = [call(number) for number in range(100, 100 + importer.BATCH + 1)]
    assert f"{41 + importer.BATCH:,} lines: {41 + importer.BATCH:,} stored" in imported(
        team, file_of(tmp_path, large + small)
    )


def test_what_others_send_meanwhile_is_not_taken_for_lines(team: Team, tmp_path: Path) -> None:
    file = file_of(tmp_path, [call(1), call(2)])

    def show(report: ImportReport) -> None:
        if not bo.sent:
            bo.send()

    bo = Journey(team).track("bo", "signed in")
    with file.open("rb") as stream:
        report = importer.import_history(FORMATS["segment"], stream, team.new.project, progress=show)
    assert (report.lines, report.stored, report.from_others) == (2, 3, 1)


def test_others_are_named_in_what_it_says(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo = Journey(team).track("bo", "signed in")

    def beside(progress: Callable[[PipelineReport], None]) -> PipelineReport:
        bo.send()
        return until_idle(progress)

    monkeypatch.setattr(importer, "until_idle", beside)
    output = imported(team, file_of(tmp_path, [call(1), call(2)]))
    assert "2 lines: 3 stored" in output
    assert "1 of these were sent to the project by other senders during the import" in output


def test_a_history_cannot_bring_in_comments_that_nobody_left(team: Team, tmp_path: Path) -> None:
    output = imported_in_part(team, file_of(tmp_path, [call(1), call(2, event="$comment"), call(3)]))
    assert "3 lines: 2 stored, 0 duplicates, 1 rejected" in output
    assert "reserved_name" in output
