"""Actions on comments in the inbox: set a status, delete."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.pages import project_page
from feedback.comment_access import get_comment_for
from feedback.comments import CommentError, delete_comment, set_status
from feedback.models import Comment
from projects.models import Membership, Project

MEMBER = Membership.Role.MEMBER


@require_POST
@project_page(MEMBER)
def change_status(request: HttpRequest, project: Project, receipt: str) -> HttpResponse:
    try:
        set_status(_find(project, receipt), Comment.Status(request.POST.get("status", "")))
    except ValueError:
        messages.error(request, f"Status not changed: choose one of {', '.join(Comment.Status.values)}.")
    except CommentError as error:
        messages.error(request, f"Status not changed: {error}.")
    return redirect(f"{_inbox(request, project)}#{receipt}")


@require_POST
@project_page(MEMBER)
def delete(request: HttpRequest, project: Project, receipt: str) -> HttpResponse:
    delete_comment(_find(project, receipt))
    messages.success(request, f"Comment {receipt} deleted.")
    return redirect(_inbox(request, project))


def _find(project: Project, receipt: str) -> Comment:
    try:
        return get_comment_for(project, receipt)
    except Comment.DoesNotExist as error:
        raise Http404(f"there is no comment {receipt[:20]!r}; it may have been deleted") from error


def _inbox(request: HttpRequest, project: Project) -> str:
    """The inbox page with the form: its reaction and cursor are in the form's query string."""
    address = reverse("inbox", args=[project.slug])
    return f"{address}?{request.GET.urlencode()}" if request.GET else address
