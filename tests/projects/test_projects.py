"""The list of projects, and a new one, on the page and on the command line."""

import io
import json
import re

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from projects import access, first_run, keys
from projects.models import Membership, Project
from tests import people
from tests.people import Team


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def newproject(*words: str) -> str:
    out = io.StringIO()
    call_command("newproject", *words, stdout=out)
    return out.getvalue()


def test_with_one_project_one_is_there_at_once(team: Team) -> None:
    assert browser_of(team.cy).get("/")["Location"] == f"/projects/{team.slug}/"


def test_with_two_projects_one_chooses(team: Team) -> None:
    other = people.assemble()
    Membership.objects.create(project=other.new.project, user=team.ana, role=Membership.Role.VIEWER)
    browser = browser_of(team.ana)
    assert browser.get("/")["Location"] == "/projects/"
    page = browser.get("/projects/").content.decode()
    assert f"/projects/{team.slug}/people/" in page
    assert f"/projects/{other.slug}/people/" in page


def test_the_list_shows_nobody_elses_projects(team: Team) -> None:
    page = browser_of(team.dee).get("/projects/").content.decode()
    assert team.slug not in page
    assert "No projects yet" in page


def test_a_new_project_shows_its_keys_once(team: Team) -> None:
    browser = browser_of(team.dee)
    answer = browser.post("/projects/", {"name": "Dee's diary", "timezone": "Asia/Tokyo"})
    assert answer.status_code == 201
    shown = re.search(r"fhk_[\w-]+", answer.content.decode())
    assert shown is not None
    key = keys.find_api_key(shown[0])
    assert key is not None
    assert (key.project.name, key.project.timezone) == ("Dee's diary", "Asia/Tokyo")
    assert access.get_project_for(team.dee, key.project.slug, role=Membership.Role.OWNER) == key.project
    assert "fhk_" not in browser.get("/projects/").content.decode()


@pytest.mark.parametrize(
    ("name", "timezone", "said"),
    [
        ("", "UTC", "cannot be blank"),
        ("   ", "UTC", "cannot be blank"),
        ("x" * 121, "UTC", "at most 120"),
        ("Shop", "Mars/Olympus", "is not a time zone. Enter a name such as Europe/Berlin"),
        ("Shop", "../etc/passwd", "is not a time zone"),
    ],
)
def test_what_is_wrong_with_a_new_project_is_said(team: Team, name: str, timezone: str, said: str) -> None:
    before = Project.objects.count()
    answer = browser_of(team.dee).post("/projects/", {"name": name, "timezone": timezone})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Project.objects.count() == before


def test_a_name_is_shown_as_text(team: Team) -> None:
    answer = browser_of(team.dee).post("/projects/", {"name": "<script>alert(1)</script>", "timezone": "UTC"})
    assert "<script>alert" not in answer.content.decode()


def test_newproject_prints_what_a_program_needs() -> None:
    made = json.loads(newproject("Eve's café", "--timezone", "Europe/Berlin", "--json"))
    assert set(made) == {"project", "write_key", "api_key", "identity_secret"}
    project = Project.objects.get(slug=made["project"])
    assert (project.name, project.timezone) == ("Eve's café", "Europe/Berlin")
    assert project.identity_secrets.get().secret == made["identity_secret"]
    write = keys.find_write_key(made["write_key"])
    read = keys.find_api_key(made["api_key"])
    assert write is not None
    assert read is not None
    assert write.project == read.project == project


def test_newproject_prints_for_people_too() -> None:
    assert re.search(r"^write_key +fhw_", newproject("Shop"), re.M)


def test_projects_of_one_name_get_slugs_of_their_own() -> None:
    slugs = [json.loads(newproject("Twice sold", "--json"))["project"] for _ in range(3)]
    assert len(set(slugs)) == 3


@pytest.mark.parametrize("name", ["日本語", "!!!", "-"])
def test_a_name_without_latin_letters_still_gets_an_address(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", json.loads(newproject(name, "--json"))["project"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["", "--json"], "name: This field cannot be blank"),
        (["Shop", "--timezone", "Berlin"], "timezone: 'Berlin' is not a time zone"),
    ],
)
def test_newproject_says_what_is_wrong(words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        newproject(*words)


def test_with_several_owners_nobody_is_guessed() -> None:
    people.assemble()
    people.assemble()
    assert first_run.sole_owner() is None
    slug = json.loads(newproject("Whose?", "--json"))["project"]
    assert not Membership.objects.filter(project__slug=slug).exists()


def test_the_first_owner_is_made_once() -> None:
    owner, _ = first_run.ensure_owner()
    again, new = first_run.ensure_owner()
    assert (again, new) == (owner, None)
    assert owner.is_superuser
    assert not owner.has_usable_password()
