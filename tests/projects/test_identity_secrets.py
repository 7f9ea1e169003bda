"""Identity secrets: several live ones, so that a product rotates them without signing anybody out."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from projects import identity_secrets
from projects.identity_secrets import MAX_LIVE, IdentitySecretError
from projects.models import IdentitySecret
from tests import people
from tests.people import Team


def test_a_project_begins_with_one(team: Team) -> None:
    [secret] = identity_secrets.live(team.new.project)
    assert secret.secret == team.new.identity_secret
    assert secret.kid.startswith("k")


def test_a_revoked_secret_stays_in_the_list_and_gives_its_place(team: Team) -> None:
    project = team.new.project
    for _ in range(MAX_LIVE - 1):
        identity_secrets.create(project)
    with pytest.raises(IdentitySecretError, match=f"{MAX_LIVE} active"):
        identity_secrets.create(project)
    oldest = IdentitySecret.objects.filter(project=project).order_by("pk")[0]
    assert identity_secrets.revoke(project, oldest.kid)
    assert not identity_secrets.revoke(project, oldest.kid), "the time of revocation does not move"
    fresh = identity_secrets.create(project, name="October")
    listed = [each.kid for each in identity_secrets.of(project)]
    assert (listed[0], listed[-1]) == (fresh.kid, oldest.kid)


def test_nobody_revokes_that_of_another_project(team: Team) -> None:
    other = people.assemble()
    [theirs] = identity_secrets.live(other.new.project)
    assert not identity_secrets.revoke(team.new.project, theirs.kid)
    assert not identity_secrets.revoke(team.new.project, "k\0")


def test_a_short_secret_cannot_be_stored(team: Team) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        IdentitySecret.objects.create(project=team.new.project, kid=uuid.uuid4().hex, secret="")


def test_use_is_noted_once_a_minute(team: Team) -> None:
    [secret] = identity_secrets.live(team.new.project)
    identity_secrets.used(team.id, secret.kid)
    first = IdentitySecret.objects.get(pk=secret.pk).last_used_at
    identity_secrets.used(team.id, secret.kid)
    assert first is not None
    assert IdentitySecret.objects.get(pk=secret.pk).last_used_at == first
