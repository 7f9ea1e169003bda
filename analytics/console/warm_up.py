"""What a page of this app needs only once per process."""

from pathlib import Path

from django.template import engines
from django.template.loader import get_template
from django.urls import get_resolver

from analytics.console import insight_form
from analytics.insights.registry import KINDS
from analytics.query import answers
from analytics.query.plan import plan
from projects.models import Project

NOBODY = Project(pk=0, slug="", name="", timezone="UTC")
"""A project without data: its questions load the engine, and read nothing."""


def load_urls() -> None:
    """Import the views of all apps."""
    # By any name: the resolver is filled when it is first asked for one.
    get_resolver().app_dict  # noqa: B018


def load_templates() -> None:
    """Compile all templates. Django keeps them."""
    for folder in map(Path, engines["django"].dirs):
        for file in sorted(folder.rglob("*.html")):
            get_template(file.relative_to(folder).as_posix())


def ask_every_kind() -> None:
    """Ask the first question of each kind's page, of the engine and not of the cache."""
    for kind in KINDS.values():
        question = answers.parse(kind.name, insight_form.ask(NOBODY, kind.screen, {}).body)
        planned = plan(NOBODY, question)
        answers.figures(planned, planned.place_of_people)
