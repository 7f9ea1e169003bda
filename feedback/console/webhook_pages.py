"""Settings page of webhooks."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.pages import project_page
from feedback import webhooks
from feedback.webhooks import WebhookError
from projects.models import Membership, Project

OWNER = Membership.Role.OWNER


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@project_page(OWNER)
def webhooks_page(request: HttpRequest, project: Project) -> HttpResponse:
    """The list with signing secrets. POST adds a webhook."""
    url, problem = request.POST.get("url", "").strip(), ""
    if request.method == "POST":
        try:
            webhooks.add(project, url)
        except WebhookError as error:
            problem = str(error)
        else:
            messages.success(request, "Webhook added. It receives every new comment from now on.")
            return redirect("webhooks", project.slug)
    context = {"project": project, "webhooks": webhooks.of(project), "url": url, "problem": problem}
    return render(request, "feedback/webhooks.html", context, status=422 if problem else 200)


@require_POST
@project_page(OWNER)
def send_test(request: HttpRequest, project: Project, webhook_id: int) -> HttpResponse:
    if not webhooks.send_test(project, webhook_id):
        raise Http404(f"webhook {webhook_id} does not exist or is disabled")
    messages.success(request, "Test event queued. Deliveries shows whether it arrived.")
    return redirect("webhooks", project.slug)


@require_POST
@project_page(OWNER)
def disable(request: HttpRequest, project: Project, webhook_id: int) -> HttpResponse:
    if not webhooks.disable(project, webhook_id):
        raise Http404(f"webhook {webhook_id} does not exist or is disabled")
    messages.success(request, "Webhook disabled. It no longer receives events.")
    return redirect("webhooks", project.slug)
