"""manage.py demo: a believable product's history, so that every screen has something to say."""

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
"""The newest comments, which nobody on the team has looked at yet."""

STATUSES = (
    Comment.Status.DONE,
    Comment.Status.OPEN,
    Comment.Status.DECLINED,
    Comment.Status.DONE,
    Comment.Status.PROMISED,
)
LEAST = {"people": 1, "days": 1, "seed": 0}


class Command(BaseCommand):
    help = (
        "Make the history of a small writing tool: visits, sign-ups, habits, leaving, a launch, comments. It goes"
        " through the same ingest as everything else and ends when its project was made, so the same seed a second"
        " time adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=100)
        parser.add_argument("--days", type=int, default=60)
        parser.add_argument("--seed", type=int, default=1, help="another seed is another crowd")
        parser.add_argument(
            "--project", metavar="SLUG", help="default: the project Demo, made when it is missing"
        )

    def handle(self, *_: object, **options: Any) -> None:
        began = time.monotonic()
        _check(options)
        project = _project(options["project"])
        story = generate(
            seed=options["seed"], people=options["people"], days=options["days"], until=project.created_at
        )
        try:
            _send(story, project)
        except DemoRejectedError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(_summary(story, project, options, time.monotonic() - began)))


def _check(options: dict[str, Any]) -> None:
    for name, least in LEAST.items():
        if options[name] < least:
            raise CommandError(f"--{name} {options[name]} is too few; the least is {least}")


def _project(slug: str | None) -> Project:
    try:
        return get_project(slug or SLUG)
    except Project.DoesNotExist:
        if slug is not None:
            raise CommandError(
                f"there is no project {slug!r}; leave --project out for one named Demo"
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
        events = bar.add_task("Living", total=len(story.calls))
        for kept in send(story.calls, key):
            bar.update(events, completed=kept)
        unread = len(story.comments) - UNREAD
        for number, comment in enumerate(bar.track(story.comments, description="Commenting")):
            _leave(
                comment, project, STATUSES[number % len(STATUSES)] if number < unread else Comment.Status.NEW
            )
        counted = bar.add_task("Counting", total=len(story.calls) + len(story.comments))
        until_idle(lambda done: bar.update(counted, completed=done.stored + done.duplicates))


def _leave(comment: DemoComment, project: Project, status: Comment.Status) -> None:
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
    # Run again, the demo must not undo what somebody has chosen in the inbox since.
    if left.is_new:
        set_status(left.comment, status)


def _summary(story: Story, project: Project, options: dict[str, Any], seconds: float) -> Iterator[str]:
    reactions = Counter(comment.reaction for comment in story.comments)
    yield (
        f"{options['people']:,} people and {options['days']:,} days in {project}: {len(story.calls):,} calls and"
        f" {len(story.comments):,} comments in {seconds:.1f} s"
    )
    yield "  " + ", ".join(f"{count} {reaction}" for reaction, count in reactions.most_common())
    yield f"Sent again, they add nothing. See /projects/{project.slug}/people/ and /projects/{project.slug}/inbox/"
