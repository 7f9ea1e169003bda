"""Signing in and out, the list of projects, and a new one."""

import zoneinfo
from collections.abc import Mapping

from django.contrib.auth import REDIRECT_FIELD_NAME, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from projects import access, password_attempts, sign_in
from projects.creation import NewProject, create_project
from projects.models import Membership


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """Instructions for getting a link, and a form if anybody has a password."""
    has_form = password_attempts.somebody_has_a_password()
    if request.method == "POST":
        return _sign_in(request) if has_form else HttpResponseNotAllowed(["GET"])
    form = AuthenticationForm(request) if has_form else None
    context = {"form": form, "next": request.GET.get(REDIRECT_FIELD_NAME, "")}
    return render(request, "projects/sign_in.html", context)


def _sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a password. 422 if it is wrong, 429 after too many attempts."""
    form = AuthenticationForm(request, data=request.POST)
    wait = password_attempts.take(request, request.POST.get("username", ""))
    if not wait and form.is_valid():
        login(request, form.get_user())
        return HttpResponseRedirect(_next_url(request))
    context = {"form": form, "next": request.POST.get(REDIRECT_FIELD_NAME, ""), "wait": wait}
    response = render(request, "projects/sign_in.html", context, status=429 if wait else 422)
    if wait:
        response["Retry-After"] = wait
    return response


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button and POST redeems: previews of mail scanners and chats must not use up the link."""
    if request.method != "POST" and sign_in.is_live(token):
        return render(request, "projects/sign_in_link.html", {"token": token})
    user = sign_in.redeem(token) if request.method == "POST" else None
    if user is None:
        return render(request, "projects/sign_in_dead_link.html", status=410)
    login(request, user)
    return redirect("start")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    # By POST with a CSRF token: an image on another site must not sign users out.
    logout(request)
    return redirect("sign_in")


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Redirects to the user's only project, or to the list."""
    mine = list(access.projects_of(_user(request))[:2])
    if len(mine) == 1:
        return HttpResponseRedirect(f"/projects/{mine[0].slug}/")
    return redirect("projects")


@login_required
@require_http_methods(["GET", "POST"])
def project_list(request: HttpRequest) -> HttpResponse:
    """The user's projects. POST creates one and shows its API key in the response, the only time."""
    context: dict[str, object] = {"timezones": sorted(zoneinfo.available_timezones())}
    status = 200
    if request.method == "POST":
        try:
            context["new"] = _create(_user(request), request.POST)
            status = 201
        except ValidationError as error:
            context |= {"problems": error.messages, "entered": request.POST}
            status = 422
    context["projects"] = access.projects_of(_user(request))
    return render(request, "projects/project_list.html", context, status=status)


@transaction.atomic
def _create(user: User, entered: Mapping[str, str]) -> NewProject:
    # In one transaction: nobody could open a project without a member.
    new = create_project(entered.get("name", "").strip(), timezone=entered.get("timezone", "UTC"))
    Membership.objects.create(project=new.project, user=user, role=Membership.Role.OWNER)
    return new


def _user(request: HttpRequest) -> User:
    """The signed-in user, typed. Only for views behind login_required."""
    if not isinstance(request.user, User):
        raise PermissionDenied("sign in first")
    return request.user


def _next_url(request: HttpRequest) -> str:
    """The page the user wanted before signing in."""
    # Only on this host: a crafted sign-in link could otherwise redirect to a phishing site.
    target = request.POST.get(REDIRECT_FIELD_NAME, "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe else "/"
