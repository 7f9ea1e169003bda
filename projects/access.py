"""The only door to a project: who may have it, and in which role."""

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from projects.models import Membership, Project

RANK = {Membership.Role.VIEWER: 0, Membership.Role.MEMBER: 1, Membership.Role.OWNER: 2}


def projects_of(user: User) -> QuerySet[Project]:
    return Project.objects.filter(memberships__user=user)


def get_project_for(user: User, slug: str, *, role: Membership.Role = Membership.Role.VIEWER) -> Project:
    """The project, if this user has at least this role in it; Http404 otherwise, so that slugs cannot be probed."""
    membership = Membership.objects.select_related("project").filter(user=user, project__slug=slug).first()
    if membership is None or RANK[Membership.Role(membership.role)] < RANK[role]:
        raise Http404(f"no project {slug!r} for you; ask its owner to add you")
    return membership.project


def get_membership(user: User, project: Project) -> Membership:
    """Raises Http404 for somebody who is not in the project."""
    return get_object_or_404(Membership.objects.select_related("user", "project"), user=user, project=project)


def helps(user: User, project: Project) -> bool:
    """Whether to offer what members do and viewers do not; get_project_for is what decides when it is done."""
    roles = [role for role, rank in RANK.items() if rank >= RANK[Membership.Role.MEMBER]]
    return Membership.objects.filter(user=user, project=project, role__in=roles).exists()


def owns(user: User, project: Project) -> bool:
    """Whether to offer what only an owner may do; get_project_for is what decides when it is done."""
    return Membership.objects.filter(user=user, project=project, role=Membership.Role.OWNER).exists()


def comment_subscribers(project: Project) -> QuerySet[User]:
    """Members and owners who want a mail about each new comment and have an address."""
    roles = [role for role, rank in RANK.items() if rank >= RANK[Membership.Role.MEMBER]]
    subscribed = Membership.objects.filter(project=project, role__in=roles, notify_comments=True)
    return User.objects.filter(is_active=True, memberships__in=subscribed).exclude(email="").order_by("id")


def get_project(slug: str) -> Project:
    """For commands on the machine itself, which is its owner's. Raises Project.DoesNotExist."""
    return Project.objects.get(slug=slug)
