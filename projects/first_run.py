"""A new installation: one owner and one project."""

from django.contrib.auth.models import User
from django.db import transaction

from projects.creation import NewProject, create_project
from projects.models import Membership

OWNER = "owner"
PROJECT = "My product"


@transaction.atomic
def ensure_owner() -> tuple[User, NewProject | None]:
    """The installation's first superuser. Creates one, with a first project, if there is none."""
    # In one transaction: an owner without a project would keep the next start from creating one.
    first = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if first is not None:
        return first, None
    # No password: sign-in is by link, and a default password would be known to everybody.
    owner = User.objects.create_superuser(OWNER, password=None)
    new = create_project(PROJECT)
    Membership.objects.create(project=new.project, user=owner, role=Membership.Role.OWNER)
    return owner, new


def sole_owner() -> User | None:
    """The user who owns all projects here. None if nobody or more than one does."""
    owners = User.objects.filter(memberships__role=Membership.Role.OWNER).distinct()[:2]
    return owners[0] if len(owners) == 1 else None
