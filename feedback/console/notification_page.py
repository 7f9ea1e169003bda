"""A member's email notifications about a project."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.pages import project_page
from feedback import notifications
from projects.access import get_membership
from projects.models import Membership, Project


@require_http_methods(["GET", "HEAD", "POST"])
@project_page(Membership.Role.MEMBER)
def notifications_page(request: HttpRequest, project: Project) -> HttpResponse:
    membership = get_membership(cast("User", request.user), project)
    email, wanted = membership.user.email, membership.notify_comments
    status, problem = 200, ""
    if request.method == "POST":
        email, wanted = request.POST.get("email", "").strip(), "notify_comments" in request.POST
        try:
            notifications.set_preferences(membership, email=email, notify_comments=wanted)
        except ValidationError as error:
            status, problem = 422, " ".join(error.messages)
        else:
            messages.success(request, "Notifications saved.")
            return redirect("notifications", project.slug)
    context = {"project": project, "email": email, "wanted": wanted, "problem": problem}
    context |= {"sends_mail": bool(settings.EMAIL_HOST)}
    return render(request, "feedback/notifications.html", context, status=status)
