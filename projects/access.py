"""Access to projects by membership and role. All views and commands get their project here."""

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from projects.models import Membership, Project

RANK = {Membership.Role.VIEWER: 0, Membership.Role.MEMBER: 1, Membership.Role.OWNER: 2}


def projects_of(user: User) -> QuerySet[Project]:
    return Project.objects.filter(memberships__user=user)


def get_project_for(user: User, slug: str, *, role: Membership.Role = Membership.Role.VIEWER) -> Project:
    """The project, if this user has at least this role in it.

    Raises Http404 otherwise, also for projects that exist: a 403 would tell strangers which slugs are taken.
    """
    membership = Membership.objects.select_related("project").filter(user=user, project__slug=slug).first()
    if membership is None or RANK[Membership.Role(membership.role)] < RANK[role]:
        raise Http404(f"no project {slug!r}, or you are not a member of it; ask its owner to add you")
    return membership.project


def get_membership(user: User, project: Project) -> Membership:
    """Raises Http404 for users who are not in the project."""
    return get_object_or_404(Membership.objects.select_related("user", "project"), user=user, project=project)


def can_edit(user: User, project: Project) -> bool:
    """Whether to show what members may do and viewers may not. It protects nothing: get_project_for does."""
    roles = [role for role, rank in RANK.items() if rank >= RANK[Membership.Role.MEMBER]]
    return Membership.objects.filter(user=user, project=project, role__in=roles).exists()


def is_owner(user: User, project: Project) -> bool:
    """Whether to show what only owners may do. It protects nothing: get_project_for does."""
    return Membership.objects.filter(user=user, project=project, role=Membership.Role.OWNER).exists()


def comment_subscribers(project: Project) -> QuerySet[User]:
    """Members and owners who have an email address and want an email about each new comment."""
    roles = [role for role, rank in RANK.items() if rank >= RANK[Membership.Role.MEMBER]]
    subscribed = Membership.objects.filter(project=project, role__in=roles, notify_comments=True)
    return User.objects.filter(is_active=True, memberships__in=subscribed).exclude(email="").order_by("id")


def get_project(slug: str) -> Project:
    """For management commands, which run with the rights of the machine's owner. Raises Project.DoesNotExist."""
    return Project.objects.get(slug=slug)
