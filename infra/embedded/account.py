"""Which system account runs the bundled servers when we are root: PostgreSQL refuses to run as root.

Directories above the data and the programs get the execute bit for others where it is missing, so that the account
can pass through them. It can list nothing there, and nothing else on the machine is changed: no user is created.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ACCOUNTS = ("postgres", "nobody")
_PASS = stat.S_IXGRP | stat.S_IXOTH
_READ = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True)
class ServerAccount:
    """Who runs the servers; both ids None means: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    def popen_arguments(self) -> dict[str, Any]:
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def let_through(self, path: Path) -> None:
        """Let the account reach what lies in the directory `path`."""
        if self.uid is None:
            return
        for directory in (path, *path.parents):
            _add(directory, _PASS)

    def let_read(self, tree: Path) -> None:
        """Let the account read and execute an installed tree, which a strict umask may have kept to root."""
        if self.uid is None or _has(tree, _PASS | _READ):
            return
        for path in tree.rglob("*"):
            if not path.is_symlink():
                _add(path, _READ | (_PASS if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0))
        _add(tree, _PASS | _READ)


def server_account(data: Path) -> ServerAccount:
    """The owner of `data` where it exists, else the first of `postgres` and `nobody` that the system knows.

    Raises:
        OSError: root, and the system has neither account.
    """
    if os.geteuid() != 0:
        return ServerAccount()
    if data.exists():
        owner = data.stat()
        return ServerAccount(owner.st_uid, owner.st_gid)
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerAccount(entry.pw_uid, entry.pw_gid)
    raise OSError(f"PostgreSQL does not run as root, and this system has no account named {' or '.join(_ACCOUNTS)}.")


def _has(path: Path, bits: int) -> bool:
    return path.stat().st_mode & bits == bits


def _add(path: Path, bits: int) -> None:
    if not _has(path, bits):
        path.chmod(stat.S_IMODE(path.stat().st_mode) | bits)
