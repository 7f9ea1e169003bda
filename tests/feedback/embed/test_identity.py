"""Identity tokens at the visitors' door: who is who, and what a liar gets."""

import base64
import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from analytics.enrich.batches import enrich
from analytics.ingest.local import LocalIngest
from feedback.models import Comment, VerifiedUser
from feedback.replies import reply_as_team
from projects import identity_secrets, keys
from projects.models import Key
from tests import people
from tests.analytics.api.client import Api
from tests.analytics.ingest.conftest import rows
from tests.feedback.embed.visiting import Visitor, refresh, secret_of, token
from tests.people import Team

WORDS = "What Ana wrote is nobody else's business."


@pytest.fixture
def strict(team: Team, door: LocalIngest) -> Team:
    """The project refuses what no token proves."""
    identity_secrets.set_enforced(team.new.project, enforced=True)
    refresh(team, door)
    return team


def unsigned(team: Team) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    exp = dt.datetime.now(dt.UTC).timestamp() + 3600
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'sub': 'ana', 'exp': exp})}."


def with_another_secret(team: Team) -> str:
    return jwt.encode(
        {"sub": "ana", "exp": dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)},
        "fhs_" + "guess" * 10,
        headers={"kid": secret_of(team).kid},
    )


def by_rsa(team: Team) -> str:
    """A verifier that takes the algorithm from the token would use the secret as a public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    exp = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    return jwt.encode(
        {"sub": "ana", "exp": exp}, pem, algorithm="RS256", headers={"kid": secret_of(team).kid}
    )


def by_hs512(team: Team) -> str:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        return token(team, algorithm="HS512")


def of_another_project(team: Team) -> str:
    return token(people.assemble(), "ana")


def of_another_project_with_our_kid(team: Team) -> str:
    theirs = secret_of(people.assemble())
    theirs.kid = secret_of(team).kid
    return token(team, "ana", secret=theirs)


def revoked(team: Team) -> str:
    old = secret_of(team)
    signed = token(team, "ana", secret=old)
    identity_secrets.create(team.new.project)
    identity_secrets.revoke(team.new.project, old.kid)
    return signed


def tampered(team: Team) -> str:
    head, _, signature = token(team, "mallory").split(".")
    body = json.dumps({"sub": "ana", "exp": dt.datetime.now(dt.UTC).timestamp() + 3600}).encode()
    return f"{head}.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}.{signature}"


FORGERIES: dict[str, tuple[Callable[[Team], str], str]] = {
    "another secret": (with_another_secret, "identity_signature"),
    "tampered": (tampered, "identity_signature"),
    "alg none": (unsigned, "identity_algorithm"),
    "RS256": (by_rsa, "identity_algorithm"),
    "HS512": (by_hs512, "identity_algorithm"),
    "expired": (lambda team: token(team, hours=-0.001), "identity_expired"),
    "not yet valid": (
        lambda team: token(team, nbf=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10)),
        "identity_expired",
    ),
    "for a year": (lambda team: token(team, hours=24 * 365), "identity_lifetime"),
    "for ever": (lambda team: token(team, exp=None), "identity_malformed"),
    "for nobody": (lambda team: token(team, sub=None), "identity_malformed"),
    "for the empty user": (lambda team: token(team, ""), "identity_malformed"),
    "for true": (lambda team: token(team, True), "identity_malformed"),
    "for an object": (lambda team: token(team, {"id": "ana"}), "identity_malformed"),
    "wrong kid": (lambda team: token(team, headers={"kid": "k0000000000"}), "identity_kid"),
    "kid is a path": (lambda team: token(team, headers={"kid": "../../dev/null"}), "identity_kid"),
    "revoked": (revoked, "identity_kid"),
    "another project": (of_another_project, "identity_kid"),
    "another project, our kid": (of_another_project_with_our_kid, "identity_signature"),
    "another audience": (lambda team: token(team, aud="other-product"), "identity_audience"),
    "no token": (lambda team: "ana", "identity_malformed"),
    "too long": (lambda team: token(team, name="x" * 5_000), "identity_malformed"),
}


@pytest.fixture(params=list(FORGERIES))
def forged(request: pytest.FixtureRequest, strict: Team, door: LocalIngest) -> tuple[Visitor, str]:
    make, reason = FORGERIES[request.param]
    made = make(strict)
    refresh(strict, door)
    return Visitor(strict, door, made), reason


def test_a_forged_token_opens_nothing(strict: Team, door: LocalIngest, forged: tuple[Visitor, str]) -> None:
    """On every write and read: refusing only `identify` would leave the messages open."""
    mallory, reason = forged
    ana = Visitor(strict, door, token(strict, "ana"))
    thread = ana.say(WORDS)["id"]
    reply = ana.reply(thread, "And this.").json()["id"]
    message = {"messageId": str(uuid.uuid4()), "userId": "ana", "text": "I am Ana."}
    for method, path, body in (
        ("POST", "comments", message),
        ("POST", "comments", {"messageId": str(uuid.uuid4()), "text": "I am Ana."}),
        ("POST", "pictures?kind=snapshot&messageId=" + str(uuid.uuid4()), {}),
        ("GET", "threads", None),
        ("GET", "threads?userId=ana", None),
        ("POST", f"threads/{thread}/messages", message),
        ("POST", f"threads/{thread}/read", {"message": reply}),
        ("POST", f"threads/{thread}/verdict", {"messageId": str(uuid.uuid4()), "verdict": "works"}),
        ("PATCH", f"threads/{thread}/messages/{reply}", {"text": "Changed."}),
        ("DELETE", f"threads/{thread}/messages/{reply}", None),
        ("POST", "identify", message | {"traits": {"plan": "pro"}}),
        ("POST", "alias", message | {"previousId": "bo"}),
    ):
        response = mallory.request(method, path, body)
        assert response.status_code == 401, (method, path, response.text)
        assert response.json()["code"] == reason, (method, path)
        assert WORDS not in response.text
    assert [each["text"] for each in ana.threads()[0]["messages"]] == [WORDS, "And this."]
    assert Comment.objects.filter(project=strict.id).count() == 1


def test_a_token_is_refused_once_it_has_expired(strict: Team, door: LocalIngest) -> None:
    ana = Visitor(strict, door, token(strict, "ana", hours=1))
    ana.say()
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1, seconds=1)):
        response = ana.request("GET", "threads")
    assert (response.status_code, response.json()["code"]) == (401, "identity_expired")


@pytest.mark.parametrize("user", ["ana", 42, "名前", "a@b.example"])
def test_a_valid_token_says_who_it_is(strict: Team, door: LocalIngest, user: object) -> None:
    signed = token(strict, user, aud=strict.slug, email="ana@example.com", name="Ana")
    visitor = Visitor(strict, door, signed)
    visitor.say()
    comment = Comment.objects.get(project=strict.id)
    assert (comment.distinct_id, comment.verified_user) == (str(user), str(user))
    known = VerifiedUser.objects.get(project=strict.id)
    assert (known.user_id, known.email, known.name) == (str(user), "ana@example.com", "Ana")
    assert secret_of(strict).last_used_at is not None


def test_a_token_without_kid_is_tried_with_each_secret(strict: Team, door: LocalIngest) -> None:
    identity_secrets.create(strict.new.project)
    for secret in identity_secrets.live(strict.new.project):
        Visitor(strict, door, token(strict, secret=secret, headers={"kid": None})).say()
    assert Comment.objects.filter(project=strict.id, verified_user="ana").count() == 2


def test_secrets_are_rotated_without_a_refusal(strict: Team, door: LocalIngest) -> None:
    Visitor(strict, door, token(strict)).say()
    fresh = identity_secrets.create(strict.new.project)
    Visitor(strict, door, token(strict)).say()
    Visitor(strict, door, token(strict, secret=fresh)).say()
    assert Comment.objects.filter(project=strict.id, verified_user="ana").count() == 3


def test_without_enforcement_a_claim_is_kept_unverified_and_counted(team: Team, door: LocalIngest) -> None:
    liar = Visitor(team, door, token(team, hours=-1))
    liar.say("I am Ana.", userId="ana")
    comment = Comment.objects.get(project=team.id)
    assert (comment.distinct_id, comment.verified) == ("ana", False)
    door.post("/v1/identify", {"userId": "ana", "anonymousId": "laptop"}, key=team.write_key)
    counted = rows(
        "SELECT reason, count FROM analytics_ledger WHERE project_id = %s AND outcome = 'unproved' ORDER BY 1",
        team.id,
    )
    assert [(row["reason"], row["count"]) for row in counted] == [
        ("identity_expired", 1), ("identity_missing", 1),
    ]  # fmt: skip
    samples = rows("SELECT sample FROM analytics_warning WHERE project_id = %s ORDER BY id", team.id)
    assert "ana" in samples[0]["sample"]
    assert all(liar.token[:20] not in row["sample"] for row in samples), "tokens are not kept"


def test_a_claimed_user_id_alone_reads_nothing(team: Team, door: LocalIngest) -> None:
    """Also without enforcement: anybody can send the user id of somebody else."""
    Visitor(team, door, token(team, "ana")).say(WORDS)
    mallory = Visitor(team, door)
    assert mallory.request("GET", "threads?userId=ana").json() == {"threads": []}
    nobody = Visitor(team, door, secret="")
    assert nobody.request("GET", "threads?userId=ana").status_code == 401


def test_a_token_of_one_user_is_none_of_another(strict: Team, door: LocalIngest) -> None:
    mallory = Visitor(strict, door, token(strict, "mallory"))
    body = {"messageId": str(uuid.uuid4()), "userId": "ana", "text": "I am Ana."}
    response = mallory.request("POST", "comments", body)
    assert (response.status_code, response.json()["code"]) == (401, "identity_subject")


def test_a_server_with_an_api_key_is_proved(strict: Team, door: LocalIngest) -> None:
    identified = {"userId": "ana", "traits": {"name": "Ana"}}
    refused = door.post("/v1/identify", identified, key=strict.write_key)
    assert refused.status_code == 401
    assert door.post("/v1/identify", identified, key=strict.people_key()).status_code == 200
    enrich(100)
    [ana] = Api(strict.api_key).rows("people")
    assert (ana["verified"], ana["name"]) == (True, "Ana")


def test_a_batch_lists_the_claims_it_refused(strict: Team, door: LocalIngest) -> None:
    """Its other events are kept: the status is about the whole request."""
    calls = [
        {"type": "track", "userId": "ana", "event": "wrote"},
        {"type": "identify", "userId": "ana"},
        {"type": "alias", "userId": "ana", "previousId": "bo"},
    ]
    response = door.post("/v1/batch", {"batch": calls}, key=strict.write_key)
    assert response.status_code == 200
    refused = [(each["index"], each["reason"]) for each in response.json()["rejected"]]
    assert refused == [(1, "identity_missing"), (2, "identity_missing")]


def test_nobody_changes_the_address_of_a_user_they_cannot_prove_to_be(
    strict: Team, door: LocalIngest
) -> None:
    """An event is not an identify, but its `$set` would say as much."""
    properties = {"$set": {"email": "mallory@evil.example"}, "$set_once": {"plan": "free"}, "page": 1}
    call = {"userId": "ana", "event": "wrote", "properties": properties}
    response = door.post("/v1/track", call, key=strict.write_key)
    assert [each["reason"] for each in response.json()["warnings"]] == ["unproved_facts"]
    headers = {"Firsthand-Identity": token(strict, "ana")}
    proved = call | {"properties": {"$set": {"email": "ana@example.com"}}}
    assert "warnings" not in door.post("/v1/track", proved, key=strict.write_key, headers=headers).json()
    anonymous = {"anonymousId": "laptop", "event": "wrote", "properties": properties}
    assert "warnings" not in door.post("/v1/track", anonymous, key=strict.write_key).json()
    enrich(100)
    api = Api(strict.api_key)
    known = {row["distinct_ids"][0]: row["properties"] for row in api.rows("people")}
    assert known["ana"] == {"email": "ana@example.com"}
    assert known["laptop"]["plan"] == "free"
    kept = [event["properties"] for event in api.rows("events", distinct_id="ana")]
    assert {"page": 1} in kept


def test_posthog_s_identify_is_refused_too(strict: Team, door: LocalIngest) -> None:
    event = {"event": "$identify", "distinct_id": "ana", "properties": {"$anon_distinct_id": "laptop"}}
    response = door.post("/e/", {"api_key": strict.write_key, "batch": [event]})
    assert response.status_code == 401
    headers = {"Firsthand-Identity": token(strict, "ana")}
    response = door.post("/e/", {"api_key": strict.write_key, "batch": [event]}, headers=headers)
    assert response.status_code == 200


def test_an_identify_with_a_token_verifies_the_person(strict: Team, door: LocalIngest) -> None:
    call = {"userId": "ana", "anonymousId": "laptop", "traits": {"name": "Ana"}}
    door.post("/v1/track", {"anonymousId": "phone", "event": "opened"}, key=strict.write_key)
    headers = {"Firsthand-Identity": token(strict, "ana")}
    assert door.post("/v1/identify", call, key=strict.write_key, headers=headers).status_code == 200
    enrich(100)
    verified = {row["name"]: row["verified"] for row in Api(strict.api_key).rows("people")}
    assert verified == {"Ana": True, "anonymous phone": False}


@pytest.mark.parametrize("signed_for", ["ana", "anna"])
def test_a_token_for_one_of_the_two_proves_an_alias(team: Team, door: LocalIngest, signed_for: str) -> None:
    for user in ("ana", "anna"):
        door.post("/v1/identify", {"userId": user}, key=team.write_key)
    alias = {"userId": "ana", "previousId": "anna"}
    headers = {"Firsthand-Identity": token(team, signed_for)}
    assert door.post("/v1/alias", alias, key=team.write_key, headers=headers).status_code == 200
    enrich(100)
    [both] = Api(team.api_key).rows("people")
    assert sorted(both["distinct_ids"]) == ["ana", "anna"]


def test_a_token_for_neither_of_them_proves_no_alias(team: Team, door: LocalIngest) -> None:
    for user in ("ana", "anna"):
        door.post("/v1/identify", {"userId": user}, key=team.write_key)
    headers = {"Firsthand-Identity": token(team, "mallory")}
    door.post("/v1/alias", {"userId": "ana", "previousId": "anna"}, key=team.write_key, headers=headers)
    enrich(100)
    assert len(Api(team.api_key).rows("people")) == 2


# ── Browsers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_browser_reads_its_own_threads_and_no_others(team: Team, door: LocalIngest) -> None:
    bo, cy = Visitor(team, door), Visitor(team, door)
    thread = bo.say("Anonymous, for now.", anonymousId="laptop")["id"]
    [own] = bo.threads()
    assert (own["id"], own["verified"]) == (thread, False)
    assert cy.threads() == []
    for method, path, body in (
        ("POST", "messages", {"messageId": str(uuid.uuid4()), "text": "Me too."}),
        ("POST", "read", {"message": thread}),
        ("POST", "verdict", {"messageId": str(uuid.uuid4()), "verdict": "works"}),
        ("PATCH", f"messages/{thread}", {"text": "Changed."}),
        ("DELETE", f"messages/{thread}", None),
    ):
        assert cy.request(method, f"threads/{thread}/{path}", body).status_code == 404, path


def test_a_stolen_receipt_opens_nothing(team: Team, door: LocalIngest) -> None:
    left = Visitor(team, door).say(WORDS)
    thief = Visitor(team, door)
    for stolen in (left["receipt"], left["id"]):
        response = thief.request("POST", f"threads/{stolen}/messages", {"text": "Tell me more."})
        assert (response.status_code, WORDS in response.text) == (404, False)
    again = thief.request("POST", "comments", {"messageId": left["id"], "text": "Mine?"})
    assert again.json() == left, "nothing but what the thief has already"
    assert thief.threads() == []


def test_only_a_hash_of_the_secret_is_stored(team: Team, door: LocalIngest) -> None:
    visitor = Visitor(team, door)
    visitor.say()
    [browser] = rows("SELECT * FROM feedback_browser WHERE project_id = %s", team.id)
    assert visitor.secret not in str(browser)
    assert len(browser["digest"]) == 64


@pytest.mark.parametrize(
    "secret", ["A" * 43, "short", "!" * 43, "k13z_Z4ksmy_h16Yq_2TYcjshii3AUYyz3Ws4KSbc", "x" * 5_000]
)
def test_a_secret_that_others_could_guess_is_refused(team: Team, door: LocalIngest, secret: str) -> None:
    response = Visitor(team, door, secret=secret).request("GET", "threads")
    assert response.status_code == 400
    assert response.json()["where"] == "Firsthand-Browser"


def test_threads_of_a_browser_join_whoever_signs_in(team: Team, door: LocalIngest) -> None:
    laptop = Visitor(team, door)
    laptop.say("Before I signed in.", anonymousId="laptop")
    phone = Visitor(team, door, token(team, "ana"))
    assert phone.threads() == []
    laptop.token = token(team, "ana")
    assert [each["verified"] for each in laptop.threads()] == [True]
    assert len(phone.threads()) == 1, "on her phone, too"
    enrich(100)
    [ana] = Api(team.api_key).rows("people")
    assert sorted(ana["distinct_ids"]) == ["ana", "laptop"]
    laptop.token = ""
    assert laptop.threads() == [], "signed out, the browser shows nothing of hers"


def test_two_people_on_one_browser_stay_two(team: Team, door: LocalIngest) -> None:
    family = Visitor(team, door, token(team, "ana"))
    family.say(WORDS)
    family.token = ""
    family.say("I am Bo.", userId="bo")
    family.token = token(team, "cy")
    assert family.threads() == []
    family.token = token(team, "bo")
    assert [each["messages"][0]["text"] for each in family.threads()] == ["I am Bo."]


def test_nobody_joins_by_a_claim(team: Team, door: LocalIngest) -> None:
    laptop = Visitor(team, door)
    laptop.say(WORDS, anonymousId="laptop")
    other = Visitor(team, door)
    other.say("Hello.", userId="laptop")
    assert len(other.threads()) == 1


def test_one_project_opens_nothing_in_another(team: Team, door: LocalIngest) -> None:
    ana = Visitor(team, door, token(team, "ana"))
    thread = ana.say(WORDS)["id"]
    other = people.assemble()
    there = Visitor(other, door, token(other, "ana"), secret=ana.secret)
    assert there.threads() == []
    assert there.reply(thread, "Here?").status_code == 404


def test_the_maker_s_answer_waits_for_the_token(strict: Team, door: LocalIngest) -> None:
    ana = Visitor(strict, door, token(strict, "ana"))
    ana.say()
    reply_as_team(Comment.objects.get(project=strict.id), member=strict.bo, text=WORDS)
    assert WORDS not in Visitor(strict, door, secret=ana.secret).request("GET", "threads").text


def test_pages_of_other_origins_are_refused(team: Team, door: LocalIngest) -> None:
    team.new.project.allowed_origins = ["https://notes.example"]
    team.new.project.save()
    key = keys.create(team.new.project, Key.Kind.WRITE).text
    visitor = Visitor(team, door, token(team), key=key)
    assert visitor.request("GET", "threads", origin="https://evil.example").status_code == 403
    assert visitor.request("GET", "threads", origin="https://notes.example").status_code == 200


def test_a_browser_asks_before_it_sends_these_headers(team: Team, door: LocalIngest) -> None:
    for path, method in (("threads", "GET"), (f"threads/{uuid.uuid4()}/messages/{uuid.uuid4()}", "PATCH")):
        response = door.request(
            "OPTIONS",
            f"/v1/{path}",
            headers={
                "origin": "https://notes.example",
                "access-control-request-method": method,
                "access-control-request-headers": "authorization, firsthand-browser, firsthand-identity",
            },
        )
        assert response.status_code == 204
        assert method in response.headers["access-control-allow-methods"]
        assert "firsthand-identity" in response.headers["access-control-allow-headers"]


def test_a_signed_in_browser_without_threads_writes_nothing(team: Team, door: LocalIngest) -> None:
    Visitor(team, door, token(team)).threads()
    assert rows("SELECT * FROM feedback_browser WHERE project_id = %s", team.id) == []
