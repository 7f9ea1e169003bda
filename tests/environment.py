"""Set up what all test processes share, before Django reads its settings: examples, a home and one PostgreSQL.

pyproject.toml loads this as a plugin. With DATABASE_URL set, that server is used instead of the embedded one.
"""

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from importlib.abc import MetaPathFinder
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck

from config.home import lock, postgres
from config.home.layout import Home

# Test data may be lost in a power cut. Tests that need fsync start their own server.
UNSAFE_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "300"}

PATIENT = hypothesis.settings(
    # Time decides nothing: a busy machine must not fail a test.
    deadline=None,
    # A fixture of a property test may hold the project, but no state that one example leaves to the next.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
# `make test` draws the same examples every time. `make fuzz` draws others each time.
hypothesis.settings.register_profile("test", PATIENT, derandomize=True)
hypothesis.settings.register_profile("fuzz", PATIENT)
hypothesis.settings.load_profile("test")


class WithoutPandas(MetaPathFinder):
    """pyarrow imports pandas wherever it is installed, 27 MB in each process. Nothing may come to need it."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("Firsthand runs without pandas", name=name)


sys.meta_path.insert(0, WithoutPandas())

_open = ExitStack()


def _own_home() -> Home:
    folder = Path(tempfile.mkdtemp(prefix="firsthand-test-"))
    _open.callback(shutil.rmtree, folder, ignore_errors=True)
    os.environ["FIRSTHAND_HOME"] = str(folder)
    return Home(folder)


def _own_postgres(home: Home) -> None:
    held = _open.enter_context(lock.hold(home, "test"))
    _open.enter_context(postgres.serving(home, held, UNSAFE_SETTINGS))
    # Inherited by pytest-xdist's workers, which then share this server.
    os.environ["DATABASE_URL"] = home.database_url


def pytest_unconfigure() -> None:
    _open.close()


_home = _own_home()
if not os.environ.get("DATABASE_URL"):
    _own_postgres(_home)
