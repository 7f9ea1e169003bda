"""The spool: reading back, exclusive files, damage, and limits."""

import time
from pathlib import Path

import pytest

from analytics.ingest import spool as module
from analytics.ingest.rows import Entry
from analytics.ingest.spool import RetryLaterError, Spool
from analytics.ingest.write_batch import WriteBatch

LIMIT = 1 << 20


def batch(text: str) -> WriteBatch:
    return WriteBatch(
        text.encode(), b"", [(Entry(7, 3600, "received"), 1), (Entry(7, 3600, "refused", "no_id"), 1)]
    )


def content(spool: Spool) -> list[bytes]:
    found: list[bytes] = []
    for path in spool.files():
        with spool.claimed(path) as batches:
            found += [each.events for each in batches or ()]
    return found


def test_it_works(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", LIMIT)
    spool.append([batch("a"), batch("b")])
    spool.append([batch("c")])
    spool.rotate()
    (path,) = spool.files()
    with spool.claimed(path) as batches:
        assert batches == [batch("a"), batch("b"), batch("c")]


def test_a_file_being_written_is_not_replayed(tmp_path: Path) -> None:
    writer, reader = Spool(tmp_path, LIMIT), Spool(tmp_path, LIMIT)
    writer.append([batch("a")])
    assert content(reader) == []
    writer.rotate()
    assert content(reader) == [b"a"]


def test_two_readers_never_hold_the_same_file(tmp_path: Path) -> None:
    writer, reader, other = (Spool(tmp_path, LIMIT) for _ in range(3))
    writer.append([batch("a")])
    writer.rotate()
    (path,) = reader.files()
    with reader.claimed(path) as mine, other.claimed(path) as theirs:
        assert mine == [batch("a")]
        assert theirs is None
        path.unlink()
    with other.claimed(path) as gone:
        assert gone is None


def test_files_are_rotated_by_size_and_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 300)
    spool = Spool(tmp_path, LIMIT)
    for number in range(10):
        spool.append([batch(f"{number}" * 100)])
        time.sleep(0.001)
    spool.rotate()
    assert len(spool.files()) > 3
    assert content(spool) == [f"{number}".encode() * 100 for number in range(10)]


def test_a_torn_last_record_is_ignored_wherever_it_is_torn(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    spool.append([batch("first")])
    (path,) = spool.files()
    whole = path.stat().st_size
    spool.append([batch("second")])
    spool.rotate()
    data = path.read_bytes()
    for length in range(whole, len(data)):
        path.write_bytes(data[:length])
        assert content(spool) == [b"first"]


def test_a_damaged_record_is_skipped_and_its_file_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    spool.append([batch("first"), batch("second"), batch("third")])
    spool.rotate()
    (path,) = spool.files()
    path.write_bytes(path.read_bytes().replace(b"second", b"sec\x00nd"))
    assert content(spool) == [b"first", b"third"]
    spool.finish(path)
    assert (spool.files(), path.with_suffix(".damaged").exists()) == ([], True)


def test_a_finished_file_is_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    spool.append([batch("first")])
    spool.rotate()
    (path,) = spool.files()
    path.write_bytes(path.read_bytes() + b"torn")
    spool.finish(path)
    assert list(tmp_path.iterdir()) == []


def test_the_limit_applies_to_all_files_together(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000)
    spool.append([batch("x" * 100)])
    spool.rotate()
    with pytest.raises(RetryLaterError, match="FIRSTHAND_SPOOL_LIMIT is 1,000"):
        spool.append([batch("x" * 200)])


def test_a_nearly_full_disk_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(RetryLaterError, match="nearly full"):
        Spool(tmp_path, LIMIT).append([batch("a")])


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where a folder should be")
    with pytest.raises(RetryLaterError, match="cannot be written"):
        Spool(tmp_path / "spool", LIMIT).append([batch("a")])
