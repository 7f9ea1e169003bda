"""What a run stands on, set up before Django reads its settings: a home of its own, and one PostgreSQL for all workers.

pyproject.toml loads this as a plugin. With DATABASE_URL set, that server is used instead of the embedded one.
"""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from config.home import lock, postgres
from config.home.layout import Home

# Nothing here has to outlive the machine: only tests of the database itself need its fsync, and they start their own.
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "max_connections": "300"}

_open = ExitStack()


def _own_home() -> Home:
    folder = Path(tempfile.mkdtemp(prefix="firsthand-test-"))
    _open.callback(shutil.rmtree, folder, ignore_errors=True)
    os.environ["FIRSTHAND_HOME"] = str(folder)
    return Home(folder)


def _own_postgres(home: Home) -> None:
    held = _open.enter_context(lock.hold(home, "test"))
    _open.enter_context(postgres.serving(home, held, FORGETFUL))
    # pytest-xdist's workers inherit it, and so share the server that their parent started.
    os.environ["DATABASE_URL"] = home.database_url


def pytest_unconfigure() -> None:
    _open.close()


_home = _own_home()
if not os.environ.get("DATABASE_URL"):
    _own_postgres(_home)
