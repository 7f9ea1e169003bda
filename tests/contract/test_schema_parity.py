"""schema.py is the only list of event columns: the database, the lake and the COPY list must agree with it."""

import pytest
from django.db import connection

from analytics import schema


def columns_of(table: str) -> dict[str, tuple[str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns"
            " WHERE table_name = %s ORDER BY ordinal_position",
            [table],
        )
        return {name: (kind, nullable) for name, kind, nullable in cursor.fetchall()}


@pytest.mark.parametrize(
    ("table", "columns", "own"),
    [
        ("analytics_inbox", schema.INBOX, {"position", "recorded"}),
        ("analytics_event", schema.EVENT, {"stored_on"}),
    ],
)
def test_a_table_has_the_listed_columns_in_order(
    table: str, columns: tuple[schema.Column, ...], own: set[str]
) -> None:
    found = columns_of(table)
    assert all(found.pop(name) for name in own)
    assert list(found) == schema.names(columns)
    assert found == {column.name: (column.postgres, column.nullable) for column in columns}


def test_every_postgres_type_has_an_arrow_type() -> None:
    assert {column.postgres for column in schema.EVENT + schema.INBOX} == set(schema.ARROW)


def test_no_column_is_listed_twice() -> None:
    for columns in (schema.EVENT, schema.INBOX):
        assert len(set(schema.names(columns))) == len(columns)
