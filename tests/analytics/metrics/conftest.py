from collections.abc import Iterator

import ibis
import pytest


@pytest.fixture(scope="session")
def engine() -> Iterator[ibis.BaseBackend]:
    """DuckDB in this process, as the product starts it: everything in UTC."""
    connection = ibis.duckdb.connect(threads=2)
    connection.raw_sql("SET TimeZone = 'UTC'")
    yield connection
    connection.disconnect()
