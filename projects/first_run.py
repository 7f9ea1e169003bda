"""What a new installation begins with: one owner and one project."""

from django.contrib.auth.models import User
from django.db import transaction

from projects.creation import NewProject, create_project
from projects.models import Membership

OWNER = "owner"
PROJECT = "My product"


@transaction.atomic
def ensure_owner() -> tuple[User, NewProject | None]:
    """The installation's first owner; made, with a first project, where there is no user at all."""
    first = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if first is not None:
        return first, None
    owner = User.objects.create_superuser(OWNER, password=None)
    new = create_project(PROJECT)
    Membership.objects.create(project=new.project, user=owner, role=Membership.Role.OWNER)
    return owner, new


def sole_owner() -> User | None:
    """The one user who owns projects here; None when nobody or several do."""
    owners = User.objects.filter(memberships__role=Membership.Role.OWNER).distinct()[:2]
    return owners[0] if len(owners) == 1 else None
