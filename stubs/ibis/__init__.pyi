# Ibis's own names. Only `expr.types.relations` differs from what Ibis ships; a package is found in one place only.
from ibis.backends import BaseBackend as BaseBackend
from ibis.backends.duckdb import Backend as _DuckDB
from ibis.config import options as options
from ibis.expr.api import *
from ibis.expr.operations import udf as udf

duckdb: _DuckDB
