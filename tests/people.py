"""A named cast, so that tests read as stories: Ana owns, Bo helps, Cy looks, Dee is a stranger."""

import itertools
from dataclasses import dataclass

from django.contrib.auth.models import User

from projects import keys
from projects.creation import NewProject, create_project
from projects.models import Key, Membership

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Team:
    """A fresh project and the people around it; every test gets its own, which is all the isolation it needs."""

    new: NewProject
    ana: User
    bo: User
    cy: User
    dee: User

    @property
    def slug(self) -> str:
        return self.new.project.slug

    @property
    def id(self) -> int:
        return self.new.project.pk

    @property
    def write_key(self) -> str:
        return self.new.write_key

    @property
    def api_key(self) -> str:
        return self.new.api_key

    def people_key(self) -> str:
        """A new API key that may merge people."""
        return keys.create(self.new.project, Key.Kind.API, scopes=(*keys.READ, keys.WRITE_PEOPLE)).text


def assemble(timezone: str = "UTC") -> Team:
    number = next(_numbers)
    new = create_project(f"Product {number}", timezone=timezone)
    cast = {name: User.objects.create_user(f"{name}-{new.project.pk}") for name in ("ana", "bo", "cy", "dee")}
    roles = {"ana": Membership.Role.OWNER, "bo": Membership.Role.MEMBER, "cy": Membership.Role.VIEWER}
    for name, role in roles.items():
        Membership.objects.create(project=new.project, user=cast[name], role=role)
    return Team(new, **cast)
