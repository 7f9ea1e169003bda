"""The first page: lines to paste, and on to the people as soon as there are any."""

import json
import shlex

from django.test import Client
from django.urls import reverse
from django_htmx.http import HTMX_STOP_POLLING

from projects.models import Key
from tests.analytics.console.pages import visit
from tests.journey import Journey, shared_ingest
from tests.people import Team


def test_it_works(ana: Client, team: Team) -> None:
    page = visit(ana, reverse("start", args=[team.slug]))
    assert "Waiting for the first event" in page.content.text
    assert team.write_key in page.content.text


def test_it_shows_the_tag_for_a_website(ana: Client, team: Team) -> None:
    tag = f'<script async src="http://testserver/fh.js" data-key="{team.write_key}"></script>'
    for name in ("start", "settings"):
        assert tag in visit(ana, reverse(name, args=[team.slug])).content.text


def test_its_lines_work_as_they_stand(ana: Client, team: Team) -> None:
    page = visit(ana, reverse("start", args=[team.slug]))
    lines = [code.text for code in page.content.all("code") if code.text.startswith("curl")][:2]
    for line in lines:
        _, _, credentials, address, _, body = shlex.split(line.replace("\\ ", ""))
        path = address.removeprefix("http://testserver")
        answer = shared_ingest().post(path, json.loads(body), key=credentials.removesuffix(":"))
        assert answer.json() == {"success": True}
    Journey(team).enriched()
    assert visit(ana, reverse("people", args=[team.slug])).names == ["Ana"]


def test_it_waits_and_then_says_who_came_first(ana: Client, team: Team) -> None:
    waiting = reverse("waiting", args=[team.slug])
    assert ana.get(waiting).status_code == 204
    Journey(team).identify("mina", traits={"name": "<b>Mina</b>"}).track("noor", "came").enriched()
    said = visit(ana, waiting)
    assert said.status == HTMX_STOP_POLLING
    assert "<b>Mina</b> is here" in said.root.text
    assert "<b>" not in said.html
    assert "Facts" in visit(ana, said.link("Open timeline")).content.text


def test_with_people_it_is_their_list(ana: Client, team: Team) -> None:
    Journey(team).track("mina", "came").enriched()
    assert visit(ana, reverse("start", args=[team.slug])).address == reverse("people", args=[team.slug])


def test_without_a_key_it_says_where_one_belongs(ana: Client, team: Team) -> None:
    Key.objects.filter(project=team.new.project).delete()
    assert "YOUR_WRITE_KEY" in visit(ana, reverse("start", args=[team.slug])).content.text
