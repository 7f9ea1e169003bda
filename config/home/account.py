"""Under which system account PostgreSQL runs: it refuses to be root, so root lends it an account of its own.

Nothing on the machine is changed but that account: the server gets the one capability (CAP_DAC_OVERRIDE) with which
it walks through folders that are root's alone, such as /root, instead of having those folders opened to everyone.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from config.home.layout import HomeError

NAME = "firsthand"
CAPABILITY = "-all,+dac_override"


def for_postgres() -> pwd.struct_passwd | None:
    """The account that root lends to PostgreSQL, made at first use; None when we are an ordinary user."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        _create()
        return pwd.getpwnam(NAME)


def _create() -> None:
    line = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        subprocess.run(line, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise HomeError(
            f"no useradd here; make a system account named {NAME}, or start as another user"
        ) from None
    except subprocess.CalledProcessError as error:
        if error.returncode != 9:  # 9: another start has just made it
            raise HomeError(f"cannot make the system account {NAME}: {error.stderr.strip()}") from error


def prefix(death_signal: str = "") -> list[str]:
    """What to put before a PostgreSQL command line. `death_signal` (INT) is what it gets when its parent dies."""
    account = for_postgres()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if account is None:
            return []
        raise HomeError(
            "no setpriv here (package util-linux); install it, or start as another user than root"
        )
    line = [setpriv, f"--pdeathsig={death_signal}"] if death_signal else [setpriv]
    if account is not None:
        line += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        line += [f"--inh-caps={CAPABILITY}", f"--ambient-caps={CAPABILITY}"]
    return [*line, "--"]


def give(folder: Path) -> None:
    """Make the folder, readable by PostgreSQL's account only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = for_postgres()
    owner = account.pw_uid if account else os.geteuid()
    status = folder.lstat()
    if account and status.st_uid == 0:
        os.chown(folder, account.pw_uid, account.pw_gid)
    elif status.st_uid != owner:
        # A folder of somebody else under /tmp could catch our connections; one in the home cannot be written.
        raise HomeError(f"{folder} belongs to user {status.st_uid}; start as the user who started it first")
    folder.chmod(0o700)
