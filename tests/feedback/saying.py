"""How the cast says something, through the verb that every door uses."""

import datetime as dt
import uuid
from typing import Any

from feedback.comments import leave_comment
from feedback.models import Comment
from tests import clock
from tests.people import Team


def say(team: Team, who: str, text: str = "", *, at: dt.datetime = clock.D0, **more: Any) -> Comment:
    """A new comment; `more` is any of leave_comment's arguments."""
    said: dict[str, Any] = {
        "message_id": uuid.uuid4(),
        "user_known": True,
        "reaction": "",
        "created_at": at,
    } | more
    return leave_comment(team.new.project, distinct_id=who, text=text, **said).comment
