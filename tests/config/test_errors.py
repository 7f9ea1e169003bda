"""Error pages: an explanation, in our design, with a link onwards."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.urls import include, path

from tests.people import Team


def broken(request: HttpRequest) -> HttpResponse:
    raise {"500": RuntimeError, "400": SuspiciousOperation, "403": PermissionDenied, "404": Http404}[
        request.GET["with"]
    ]("what only the log should say")


urlpatterns = [path("broken", broken), path("", include("config.urls"))]
WORDS = {
    400: "Bad request",
    403: "No access",
    500: "Something went wrong",
}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("status", WORDS)
def test_each_error_page_explains_itself_and_hides_the_reason(status: int) -> None:
    answer = Client(raise_request_exception=False).get(f"/broken?with={status}")
    assert answer.status_code == status
    assert f"<h1>{WORDS[status]}</h1>" in answer.content.decode()
    assert "only the log" not in answer.content.decode()


def test_an_unknown_address_links_back() -> None:
    answer = Client().get("/nowhere")
    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


def test_a_denied_page_says_why(team: Team) -> None:
    dee = Client()
    dee.force_login(team.dee)
    told = dee.get(f"/projects/{team.slug}/people/").content.decode()
    assert "or you are not a member of it; ask its owner to add you" in told


def test_an_expired_form_says_what_to_do(team: Team) -> None:
    ana = Client(enforce_csrf_checks=True)
    ana.force_login(team.ana)
    answer = ana.post("/projects/", {"name": "New"})
    assert answer.status_code == 403
    assert "Go back, reload the page and try again." in answer.content.decode()


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_error_pages_need_nothing_that_may_be_broken(name: str) -> None:
    page = render_to_string(name)
    assert page == render_to_string(name, {"request": None})
    files = re.findall(rf'"{settings.STATIC_URL}([^"]+)"', page)
    assert files
    assert all(Path(str(finders.find(file))).is_file() for file in files)
