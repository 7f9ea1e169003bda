"""How the cast says something, through the verb that every door uses."""

import datetime as dt
import uuid
from typing import Any

from analytics.record import EventColumns
from feedback.comments import leave_comment
from feedback.models import Comment
from tests import clock
from tests.people import Team

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


def said(team: Team, who: str, *, at: dt.datetime = clock.D0, session: str = "", **more: Any) -> EventColumns:
    """Who said something, when and where; `session` is the client's own, `more` any other column."""
    columns: dict[str, Any] = {"id": uuid.uuid4(), "user_known": True, "client_session": session} | more
    return EventColumns(project_id=team.id, distinct_id=who, timestamp=at, **columns)


def say(
    team: Team, who: str, text: str = "", *, reaction: str = "", at: dt.datetime = clock.D0, **more: Any
) -> Comment:
    """A new comment; `more` is any column of its event."""
    return leave_comment(said(team, who, at=at, **more), reaction=reaction, text=text).comment
