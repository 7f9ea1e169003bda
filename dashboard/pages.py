"""Access to dashboard pages: the user is signed in and has the required role in the project."""

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
    """Decorator of views. The page gets the project instead of its slug and runs in the project's time zone.

    Users without the role get the same 404 as for a project that does not exist.
    """

    def decorate(page: Page[P]) -> View[P]:
        @login_required
        @wraps(page)
        def view(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            project = get_project_for(cast("User", request.user), slug, role=role)
            with timezone.override(project.zone):
                # Pages render in here. A lazy TemplateResponse would be rendered after it, in UTC.
                return page(request, project, *args, **kwargs)

        return cast("View[P]", view)

    return decorate
