"""The most memory that a piece of work takes, in a process of its own on the database and home of the tests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# VmHWM, not ru_maxrss: that also counts the process that started this one.
CHILD = """
import re, sys, django
django.setup()
from importlib import import_module
module, _, name = sys.argv[1].partition(":")
getattr(import_module(module), name)(*sys.argv[2:])
with open("/proc/self/status") as status:
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1])
"""


def megabytes(work: str, *words: str) -> float:
    """Of `package.module:function`, called with the words."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, work, *words],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) / 1000
