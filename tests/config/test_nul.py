"""A NUL character is refused wherever a browser can send one."""

import pytest
from django.test import Client
from django.urls import reverse

from projects.models import Key, Project
from tests.people import Team


def assert_refused(answer: object, field: str) -> None:
    assert getattr(answer, "status_code", None) == 400
    assert f"“{field}” contains a NUL character" in getattr(answer, "content", b"").decode()


def test_in_the_name_of_a_key(ana: Client, team: Team) -> None:
    keys = Key.objects.filter(project=team.id)
    before = keys.count()
    assert_refused(ana.post(reverse("create-key", args=[team.slug]), {"kind": "api", "name": "a\0b"}), "name")
    assert keys.count() == before


def test_in_the_name_of_a_project(ana: Client) -> None:
    assert_refused(ana.post(reverse("projects"), {"name": "Garden\0", "timezone": "UTC"}), "name")
    assert not Project.objects.filter(name__startswith="Garden").exists()


@pytest.mark.parametrize("field", ["search", "sort", "after"])
def test_in_a_query(ana: Client, team: Team, field: str) -> None:
    assert_refused(ana.get(reverse("people", args=[team.slug]), {field: "a\0b"}), field)


def test_in_the_name_of_a_field() -> None:
    assert_refused(Client().get(reverse("sign_in"), {"ne\0xt": "/"}), "next")


def test_in_a_cookie() -> None:
    """Browsers may quote a cookie's value and write any character as an octal number."""
    quoted = 'sessionid="abcdefgh\\000abcdefgh"'
    assert_refused(Client(headers={"cookie": quoted}).get(reverse("projects")), "sessionid")
