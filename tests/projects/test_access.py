"""The door to a project: who may have it, and in which role."""

import pytest
from django.http import Http404

from projects import access, keys
from projects.models import Key, Membership
from tests.people import Team

OWNER, MEMBER, VIEWER = Membership.Role.OWNER, Membership.Role.MEMBER, Membership.Role.VIEWER


@pytest.mark.parametrize("role", [OWNER, MEMBER, VIEWER])
def test_the_owner_may_do_everything(team: Team, role: Membership.Role) -> None:
    assert access.get_project_for(team.ana, team.slug, role=role).pk == team.id


@pytest.mark.parametrize(("name", "role"), [("bo", OWNER), ("cy", MEMBER), ("cy", OWNER), ("dee", VIEWER)])
def test_others_may_not_do_more_than_their_role(team: Team, name: str, role: Membership.Role) -> None:
    with pytest.raises(Http404):
        access.get_project_for(getattr(team, name), team.slug, role=role)


def test_a_project_of_others_is_as_absent_as_none(team: Team) -> None:
    with pytest.raises(Http404) as theirs:
        access.get_project_for(team.dee, team.slug)
    with pytest.raises(Http404) as nothing:
        access.get_project_for(team.dee, "no-such")
    assert str(theirs.value).replace(team.slug, "no-such") == str(nothing.value)


def test_keys_open_their_own_door_only(team: Team) -> None:
    assert keys.find_api_key(team.write_key) is None
    assert keys.find_write_key(team.api_key) is None
    found = keys.find_api_key(team.api_key)
    assert found is not None
    assert found.project.pk == team.id


def test_an_api_key_is_kept_as_its_digest_only(team: Team) -> None:
    key = Key.objects.get(project_id=team.id, kind=Key.Kind.API)
    assert team.api_key not in str(key.__dict__)
    assert str(key).endswith(team.api_key[-4:])


def test_a_revoked_key_opens_nothing(team: Team) -> None:
    Key.objects.filter(project_id=team.id).update(revoked_at="2026-01-01T00:00:00Z")
    assert keys.find_api_key(team.api_key) is None
    assert keys.find_write_key(team.write_key) is None
