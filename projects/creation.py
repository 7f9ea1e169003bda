"""Creating a project with its first keys."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.text import slugify

from projects import identity_secrets, keys
from projects.models import Key, Project


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project and its first keys in plain text. The API key cannot be shown again."""

    project: Project
    write_key: str
    api_key: str
    identity_secret: str


@transaction.atomic
def create_project(name: str, *, timezone: str = "UTC") -> NewProject:
    """Raises ValidationError for an empty name or an unknown time zone."""
    project = Project(name=name, slug=_free_slug(name), timezone=timezone)
    project.full_clean()
    project.save()
    write = keys.create(project, Key.Kind.WRITE, name="first write key")
    api = keys.create(project, Key.Kind.API, name="first API key")
    identity = identity_secrets.create(project, name="first identity secret")
    return NewProject(project, write.text, api.text, identity.secret)


def _free_slug(name: str) -> str:
    # A name without Latin letters or digits slugifies to nothing.
    base = slugify(name)[:50] or "project"
    # A creation at the same moment may take the slug, too. The unique constraint then rejects one of them.
    taken = set(Project.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    if base not in taken:
        return base
    # One number more than there are slugs, so one is always free.
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)
