"""manage.py demo: create the history of a believable product, so that no screen is empty."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from analytics.demo.diary import DemoComment
from analytics.demo.send import DemoRejectedError, send
from analytics.demo.story import Story, generate
from analytics.pipeline import until_idle
from analytics.record import EventColumns
from feedback.comments import leave_comment, set_status
from feedback.models import Comment
from projects import first_run
from projects.access import get_project
from projects.creation import create_project
from projects.keys import newest_write_key
from projects.models import Membership, Project

NAME, SLUG = "Demo", "demo"
UNREAD = 12
"""How many of the newest comments nobody on the team has read yet."""

STATUSES = (
    Comment.Status.DONE,
    Comment.Status.OPEN,
    Comment.Status.DECLINED,
    Comment.Status.DONE,
    Comment.Status.PROMISED,
)
MINIMUM = {"people": 1, "days": 1, "seed": 0}


class Command(BaseCommand):
    help = (
        "Create the history of a small writing tool: visits, sign-ups, habits, churn, a launch and comments. It goes"
        " through the real ingest and ends when its project was created. Running it again with the same seed adds"
        " nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=100)
        parser.add_argument("--days", type=int, default=60)
        parser.add_argument("--seed", type=int, default=1, help="another seed creates other people")
        parser.add_argument(
            "--project", metavar="SLUG", help="default: the project Demo, created if it is missing"
        )

    def handle(self, *_: object, **options: Any) -> None:
        started = time.monotonic()
        _check_options(options)
        project = _project(options["project"])
        # Until the project's creation, not now: a second run must make the same messages to add nothing.
        story = generate(
            seed=options["seed"], people=options["people"], days=options["days"], until=project.created_at
        )
        try:
            _send(story, project)
        except DemoRejectedError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(_summary(story, project, options, time.monotonic() - started)))


def _check_options(options: dict[str, Any]) -> None:
    for name, least in MINIMUM.items():
        if options[name] < least:
            raise CommandError(f"--{name} {options[name]} is too small; the minimum is {least}")


def _project(slug: str | None) -> Project:
    try:
        return get_project(slug or SLUG)
    except Project.DoesNotExist:
        if slug is not None:
            raise CommandError(
                f"there is no project {slug!r}; leave out --project to create one named Demo"
            ) from None
    return _make_project()


@transaction.atomic
def _make_project() -> Project:
    project = create_project(NAME).project
    owner = first_run.sole_owner()
    if owner is not None:
        Membership.objects.create(project=project, user=owner, role=Membership.Role.OWNER)
    return project


def _send(story: Story, project: Project) -> None:
    key = newest_write_key(project)
    if key is None:
        raise CommandError(f"{project} has no write key; create one in its settings")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        events = bar.add_task("Sending events", total=len(story.calls))
        for kept in send(story.calls, key):
            bar.update(events, completed=kept)
        unread = len(story.comments) - UNREAD
        for number, comment in enumerate(bar.track(story.comments, description="Sending comments")):
            _leave_comment(
                comment, project, STATUSES[number % len(STATUSES)] if number < unread else Comment.Status.NEW
            )
        counted = bar.add_task("Processing", total=len(story.calls) + len(story.comments))
        until_idle(lambda done: bar.update(counted, completed=done.stored + done.duplicates))


def _leave_comment(comment: DemoComment, project: Project, status: Comment.Status) -> None:
    left = leave_comment(
        EventColumns(
            project_id=project.pk,
            id=comment.message_id,
            distinct_id=comment.distinct_id,
            timestamp=comment.created_at,
            user_known=comment.user_known,
            client_session=comment.session,
            url=comment.url,
            locale=comment.locale,
        ),
        reaction=comment.reaction,
        text=comment.text,
    )
    # A second run must not undo statuses that were changed in the inbox since.
    if left.is_new:
        set_status(left.comment, status)


def _summary(story: Story, project: Project, options: dict[str, Any], seconds: float) -> Iterator[str]:
    reactions = Counter(comment.reaction for comment in story.comments)
    yield (
        f"{options['people']:,} people and {options['days']:,} days in {project}: {len(story.calls):,} calls and"
        f" {len(story.comments):,} comments in {seconds:.1f} s"
    )
    yield "  " + ", ".join(f"{count} {reaction}" for reaction, count in reactions.most_common())
    yield f"Running it again adds nothing. See /projects/{project.slug}/people/ and /projects/{project.slug}/inbox/"
