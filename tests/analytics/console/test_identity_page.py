"""Settings, Identity: secrets, the switch, and what it would refuse."""

import pytest
from django.test import Client
from django.urls import reverse

from projects import identity_secrets
from projects.identity_secrets import MAX_LIVE
from projects.models import Project
from tests.analytics.console.pages import Page, signed_in, visit
from tests.journey import Journey
from tests.people import Team


def page(team: Team) -> Page:
    return visit(signed_in(team.ana), reverse("identity", args=[team.slug]))


def post(team: Team, action: str, *more: str, **fields: str) -> str:
    url = reverse(action, args=[team.slug, *more])
    answer = signed_in(team.ana).post(url, fields, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_owner_rotates_secrets(team: Team) -> None:
    [old] = identity_secrets.live(team.new.project)
    assert old.secret in page(team).content.text
    assert "Secret k" in post(team, "create-identity-secret", name="October <script>")
    fresh = identity_secrets.live(team.new.project)[0]
    shown = post(team, "revoke-identity-secret", old.kid)
    assert old.secret not in shown
    assert fresh.secret in shown
    assert "October &lt;script&gt;" in shown
    assert list(identity_secrets.live(team.new.project)) == [fresh]


def test_there_is_a_bound(team: Team) -> None:
    for _ in range(MAX_LIVE - 1):
        identity_secrets.create(team.new.project)
    assert f"{MAX_LIVE} active secrets" in post(team, "create-identity-secret")


def test_the_dry_run_shows_what_would_be_refused(team: Team) -> None:
    assert "had a valid token" in page(team).content.text
    Journey(team).identify("ana").identify("bo").track("ana", "wrote").send()
    text = page(team).content.text
    assert "missing 2" in text
    assert "$identify ana" in text
    ingestion = visit(signed_in(team.cy), reverse("ingestion", args=[team.slug])).content.text
    assert "$identify ana" not in ingestion


def test_enforcement_is_switched_on_and_off(team: Team) -> None:
    for state in ("on", "off"):
        post(team, "set-identity-enforced", enforced=state)
        assert Project.objects.get(pk=team.id).identity_enforced == (state == "on")
    for secret in identity_secrets.live(team.new.project):
        identity_secrets.revoke(team.new.project, secret.kid)
    assert "Create a secret first" in post(team, "set-identity-enforced", enforced="on")
    assert not Project.objects.get(pk=team.id).identity_enforced


ACTIONS = {"create-identity-secret": [], "set-identity-enforced": [], "revoke-identity-secret": ["k1"]}


@pytest.mark.parametrize("name", [*ACTIONS, "identity"])
def test_only_owners_may(team: Team, name: str) -> None:
    url = reverse(name, args=[team.slug, *ACTIONS.get(name, [])])
    for user in (team.bo, team.cy, team.dee):
        client = signed_in(user)
        answer = client.get(url) if name == "identity" else client.post(url)
        assert answer.status_code == 404, user


@pytest.mark.parametrize("name", ACTIONS)
def test_each_form_needs_its_token(team: Team, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(team.ana)
    assert client.post(reverse(name, args=[team.slug, *ACTIONS[name]])).status_code == 403


def test_the_page_is_never_stored(team: Team) -> None:
    answer = signed_in(team.ana).get(reverse("identity", args=[team.slug]))
    assert "no-store" in answer["Cache-Control"]
