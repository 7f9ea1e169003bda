"""A lake in a bucket works like one in a folder. Errors say what to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from analytics.doctor import installation
from analytics.lake import object_store
from tests.analytics.lake.bucket import serving

LAKE = "s3://lake/of/ana"
LIFE = Path(__file__).with_name("test_life.py")


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with serving("lake") as environment:
        yield environment


@pytest.fixture
def keys(bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)


def said() -> str:
    """The message of the start, readyz and doctor. The store's own message is in brackets."""
    with pytest.raises(CommandError) as refused:
        call_command("prepare")
    lake = Client().get("/readyz").json()["parts"]["lake"]
    [doctors] = [finding for finding in installation.check() if finding.part == "lake"]
    assert (lake["ready"], doctors.state) == (False, "error")
    [same] = {text.partition(" (")[0] for text in (str(refused.value), lake["detail"], doctors.detail)}
    return same


@pytest.mark.slow
def test_the_same_is_true_of_a_lake_in_a_bucket(bucket: dict[str, str]) -> None:
    """Runs test_life.py in an installation of its own, with its lake in the bucket."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", str(LIFE)],
        env={**inherited, **bucket, "FIRSTHAND_LAKE_URL": LAKE},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("keys")
@override_settings(LAKE_URL=LAKE)
def test_it_is_ready() -> None:
    assert Client().get("/readyz").json()["parts"]["lake"] == {"ready": True, "detail": LAKE}


@pytest.mark.usefixtures("keys")
@override_settings(LAKE_URL="s3://sea/of/ana")
def test_a_bucket_that_does_not_exist() -> None:
    assert said().startswith(
        "s3://sea/of/ana cannot be reached: the bucket does not exist; create it, or correct"
    )


@pytest.mark.usefixtures("keys")
@override_settings(LAKE_URL=LAKE)
def test_missing_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # Where the client then asks for an instance's own credentials: nobody answers here.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said()


@pytest.mark.usefixtures("keys")
@override_settings(LAKE_URL=LAKE)
def test_an_unreachable_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "check FIRSTHAND_LAKE_URL, AWS_ENDPOINT_URL and AWS_REGION" in said()


@pytest.mark.usefixtures("keys")
@override_settings(LAKE_URL=LAKE)
def test_plain_http_must_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    assert "set AWS_ALLOW_HTTP=true" in said()


@override_settings(LAKE_URL="carrier-pigeon://lake")
def test_an_unsupported_store() -> None:
    with pytest.raises(object_store.LakeUnreachableError, match="is not a supported store"):
        object_store.reach()
