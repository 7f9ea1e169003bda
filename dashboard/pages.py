"""The way into every page of the dashboard: signed in, a member of the project, in the role that the page asks for."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from projects.access import get_project_for
from projects.models import Membership, Project

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, Project, P], HttpResponse]
View = Callable[Concatenate[HttpRequest, str, P], HttpResponse]


def project_page(role: Membership.Role = Membership.Role.VIEWER) -> Callable[[Page[P]], View[P]]:
    """The page gets the project in place of its slug, and is rendered in the project's time zone.

    Strangers, and members whose role is too low, get the same 404 as for a project that does not exist.
    """

    def decorate(page: Page[P]) -> View[P]:
        @login_required
        @wraps(page)
        def view(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            project = get_project_for(cast("User", request.user), slug, role=role)
            with timezone.override(project.zone):
                return page(request, project, *args, **kwargs)

        return cast("View[P]", view)

    return decorate
