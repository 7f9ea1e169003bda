"""The system account that PostgreSQL runs as. It refuses to run as root, so root creates an account for it.

Nothing else on the machine is changed. The server gets one capability (CAP_DAC_OVERRIDE), with which it can enter
folders that only root may enter, such as /root. The alternative would be to open those folders to everyone.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from config.home.layout import HomeError

NAME = "firsthand"
CAPABILITY = "-all,+dac_override"


def postgres_account() -> pwd.struct_passwd | None:
    """The account for PostgreSQL when we are root, created at first use; None for an ordinary user."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        _create_account()
        return pwd.getpwnam(NAME)


def _create_account() -> None:
    command = [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        NAME,
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise HomeError(
            f"useradd is not installed; create a system account named {NAME}, or start as another user"
        ) from None
    except subprocess.CalledProcessError as error:
        if error.returncode != 9:  # 9: another process has just created it
            raise HomeError(f"cannot create the system account {NAME}: {error.stderr.strip()}") from error


def command_prefix(death_signal: str = "") -> list[str]:
    """The words before a PostgreSQL command. `death_signal` (INT) is sent to it when its parent dies."""
    account = postgres_account()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        if account is None:
            return []
        raise HomeError(
            "setpriv is not installed; install the package util-linux, or start as another user than root"
        )
    command = [setpriv, f"--pdeathsig={death_signal}"] if death_signal else [setpriv]
    if account is not None:
        command += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        # Ambient too: otherwise the change of user and exec would drop the capability.
        command += [f"--inh-caps={CAPABILITY}", f"--ambient-caps={CAPABILITY}"]
    return [*command, "--"]


def make_private(folder: Path) -> None:
    """Create the folder, readable by PostgreSQL's account only. Raises HomeError if another user owns it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = postgres_account()
    owner = account.pw_uid if account else os.geteuid()
    # Not stat(): a symbolic link that another user put here counts as theirs, wherever it points.
    status = folder.lstat()
    if account and status.st_uid == 0:
        os.chown(folder, account.pw_uid, account.pw_gid)
    elif status.st_uid != owner:
        # Under /tmp, its owner could accept our database connections in place of the server.
        raise HomeError(f"{folder} belongs to user {status.st_uid}; start as that user")
    # mkdir() does not change the mode of a folder that exists.
    folder.chmod(0o700)
