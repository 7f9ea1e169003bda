"""Compiling for Spark without Spark."""

from unittest.mock import patch

import ibis
from ibis.config import Config
from ibis.expr import types as ir


class Options(Config):
    """Ibis's own options of its Spark backend, which are there only where pyspark is installed."""

    treat_nan_as_null: bool = False


def spark_sql(expression: ir.Table) -> str:
    """The SQL that a Spark cluster would get."""
    with patch.object(ibis.options, "pyspark", Options()):
        return str(ibis.to_sql(expression, dialect="pyspark"))
