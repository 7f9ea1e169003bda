"""The file cache: files of a remote lake are fetched once and whole, within a size limit."""

import datetime as dt
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from analytics.lake import file_cache, object_store
from analytics.lake.table import File
from config.home.layout import Home

TODAY = dt.date(2020, 6, 10)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file:// URL, which is treated like a bucket."""
    folder = tmp_path / "lake"
    (folder / "events").mkdir(parents=True)
    with override_settings(LAKE_URL=f"file://{folder}", HOME=Home(tmp_path / "home"), LAKE_CACHE=1000):
        yield folder


def file(lake: Path, name: str, content: bytes) -> File:
    (lake / "events" / name).write_bytes(content)
    return File(f"file://{lake}/events/{name}", "2020-06", 1, len(content), TODAY, TODAY)


def forgotten(path: str) -> None:
    """Last used a day ago."""
    os.utime(path, (time.time() - 86_400,) * 2)


def here(paths: list[str]) -> list[bool]:
    return [Path(path).exists() for path in paths]


def test_each_file_is_fetched_once(lake: Path) -> None:
    files = [file(lake, f"{n}.parquet", f"file {n}".encode()) for n in range(20)]
    paths = file_cache.local(files)
    assert [Path(path).read_bytes() for path in paths] == [f"file {n}".encode() for n in range(20)]
    for each in (lake / "events").iterdir():
        each.unlink()
    assert file_cache.local(files) == paths


def test_the_least_recently_used_files_are_removed(lake: Path) -> None:
    old, older, young = (file(lake, f"{name}.parquet", bytes(400)) for name in ("old", "older", "young"))
    paths = file_cache.local([old, older])
    forgotten(paths[1])
    forgotten(paths[0])
    file_cache.local([old])
    paths += file_cache.local([young])
    assert here(paths) == [True, False, True]


def test_files_in_use_stay_even_beyond_the_limit(lake: Path) -> None:
    files = [file(lake, f"{n}.parquet", bytes(400)) for n in range(5)]
    assert here(file_cache.local(files)) == [True] * 5


def test_an_incomplete_file_is_fetched_again(lake: Path) -> None:
    whole = file(lake, "whole.parquet", b"all of it")
    [path] = file_cache.local([whole])
    Path(path).write_bytes(b"all")
    assert Path(file_cache.local([whole])[0]).read_bytes() == b"all of it"


def test_a_missing_file_is_an_error_and_leaves_nothing(lake: Path, tmp_path: Path) -> None:
    lost = file(lake, "lost.parquet", b"soon gone")
    (lake / "events" / "lost.parquet").unlink()
    with pytest.raises(object_store.LakeUnreachableError, match=r"lost\.parquet"):
        file_cache.local([lost])
    assert not list((tmp_path / "home").rglob("*.par*"))


def test_a_lake_in_a_folder_is_read_in_place(lake: Path, tmp_path: Path) -> None:
    with override_settings(LAKE_URL=str(lake)):
        assert file_cache.local([file(lake, "a.parquet", b"a")]) == [f"file://{lake}/events/a.parquet"]
    assert not (tmp_path / "home").exists()
