"""Checking a token: pure, so every odd one can be tried."""

import base64
import datetime as dt
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.ingest.identity_tokens import MAX_TOKEN, ProjectIdentity, verify
from analytics.ingest.wire.event import DropReason, Identity

SECRET = "fhs_" + "secret" * 7
PROJECT = ProjectIdentity("shop", {"k1": SECRET})
MALFORMED = Identity(problem=DropReason.IDENTITY_MALFORMED)


def soon() -> float:
    return dt.datetime.now(dt.UTC).timestamp() + 600


def signed(**claims: Any) -> str:
    return jwt.encode({"sub": "ana", "exp": soon()} | claims, SECRET, headers={"kid": "k1"})


def part(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).rstrip(b"=").decode()


def test_it_says_who_it_is() -> None:
    assert verify(signed(name="Ana", email="a@b.example"), PROJECT) == Identity(
        "ana", "k1", "a@b.example", "Ana"
    )


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b.c", "ü.ü.ü", "\x80", "x" * (MAX_TOKEN + 1)])
def test_what_is_no_token(token: str) -> None:
    assert verify(token, PROJECT) == MALFORMED


@pytest.mark.parametrize(
    "head",
    [
        "[]",
        "5",
        '""',
        "{",
        "[" * 2_000,
        '{"a":' * 400,
        '{"alg":"HS256","kid":5}',
        '{"alg":"HS256","kid":["k1"]}',
    ],
)
def test_a_head_that_nobody_signs(head: str) -> None:
    assert verify(f"{part(head)}.{part('{}')}.{part('x')}", PROJECT).problem in {
        DropReason.IDENTITY_MALFORMED, DropReason.IDENTITY_ALGORITHM,
    }  # fmt: skip


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "hs256", "HS384", "RS256", "ES256", "", None, 5, ["HS256"]]
)
def test_the_algorithm_is_ours(alg: object) -> None:
    body = part(json.dumps({"sub": "ana", "exp": soon()}))
    problem = verify(f"{part(json.dumps({'alg': alg, 'kid': 'k1'}))}.{body}.", PROJECT).problem
    assert problem in {DropReason.IDENTITY_ALGORITHM, DropReason.IDENTITY_MALFORMED}


@pytest.mark.parametrize("exp", [float("inf"), float("nan"), "soon", [], True, -1, 1e300])
def test_a_time_that_is_none(exp: object) -> None:
    head, body = part('{"alg":"HS256","kid":"k1"}'), part(json.dumps({"sub": "ana", "exp": exp}))
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{head}.{body}".encode(), SECRET.encode()
    )
    token = f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert verify(token, PROJECT).user == ""


@pytest.mark.parametrize("user", ["", " ", "\0", "a\0", "\ud800", "x" * 201, 1.5, None, [], {}, True])
def test_an_id_that_is_none(user: object) -> None:
    assert verify(signed(sub=user), PROJECT) == MALFORMED


def test_claims_can_be_stored() -> None:
    found = verify(signed(name="A\0na\ud800", email=["a@b.example"]), PROJECT)
    assert (found.name, found.email) == ("Ana", "")
    assert len(verify(signed(name="x" * 1_000), PROJECT).name) == 254


def test_a_project_without_secrets_proves_nobody() -> None:
    assert verify(signed(), ProjectIdentity("shop", {})).user == ""
    assert verify(jwt.encode({"sub": "ana", "exp": soon()}, SECRET), ProjectIdentity("shop", {})).user == ""


@given(st.text(max_size=200) | st.binary(max_size=150).map(lambda raw: raw.decode("latin-1")))
def test_no_header_fails_the_request(token: str) -> None:
    assert verify(token, PROJECT).user == ""
