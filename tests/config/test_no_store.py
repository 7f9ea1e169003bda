"""No browser and no proxy keeps a page or an export on disk."""

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from tests.people import Team

PAGES = (
    "/projects/",
    "/projects/{slug}/people/",
    "/projects/{slug}/settings/",
    "/sign-in/",
    "/nowhere",
    "/admin/",
)


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_not_stored(team: Team, page: str) -> None:
    ana = Client()
    ana.force_login(team.ana)
    policy = ana.get(page.format(slug=team.slug)).headers["Cache-Control"]
    assert {"private", "no-store"} <= set(policy.split(", "))


@pytest.mark.parametrize("path", ["/api/v1/people", "/api/v1/events?format=ndjson", "/api/v1/nothing"])
def test_exports_are_private(team: Team, path: str) -> None:
    bearer = {"authorization": f"Bearer {team.api_key}"}
    for headers in (bearer, {}):
        answer = async_to_sync(AsyncClient().get)(path, headers=headers)
        assert answer.headers["Cache-Control"] == "private, no-store"
