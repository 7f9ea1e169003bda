"""The tables that the migrations make are the ones that the models speak of, and keep what is in them."""

import contextlib
import io

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from analytics.models import Session
from tests import clock
from tests.journey import Journey
from tests.people import Team


@pytest.mark.django_db
def test_no_model_has_changed_without_a_migration() -> None:
    said = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("makemigrations", "--check", "--dry-run", stdout=said)
    assert said.getvalue().strip() == "No changes detected"


def test_stored_sessions_have_been_active_until_their_end(team: Team) -> None:
    Journey(team).page("ana", at=clock.day(0)).track("ana", "paid", at=clock.day(0, minutes=20)).enriched()
    loader = MigrationLoader(connection)
    (upgrade,) = [each for each in loader.disk_migrations.values() if each.name.endswith("_active_sessions")]
    # PostgreSQL changes tables in transactions, so this one can go back and forth.
    with transaction.atomic():
        (previous,) = upgrade.dependencies
        for change in (upgrade.unapply, upgrade.apply):
            with connection.schema_editor() as editor:
                change(loader.project_state(previous), editor)
        (session,) = Session.objects.filter(project=team.id)
        transaction.set_rollback(True)
    assert session.active_until == session.ended_at == clock.day(0, minutes=20)
    (session,) = Session.objects.filter(project=team.id)
    assert session.active_until == clock.day(0)
