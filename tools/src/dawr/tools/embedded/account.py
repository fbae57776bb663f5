"""Runs a program as an account without root's rights, for PostgreSQL refuses to run as root.

Where root's own folders (a clone under /root, say) are closed to others, that account could neither read the
program nor reach its data. Then, and on Linux only, the program keeps the single capability to pass file
permissions. This file is also the program that changes the account, so it imports little.
"""

import ctypes
import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

_CAP_DAC_OVERRIDE = 1  # linux/capability.h
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 8, 47, 2  # linux/prctl.h


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    uid: int
    gid: int

    def command(self, command: list[str], reaches: list[Path]) -> list[str]:
        """`command`, to be run as this account; `reaches` are the paths that it must be able to get at."""
        keep = "keep" if any(not self._reaches(path) for path in reaches) else "drop"
        return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(self.uid), str(self.gid), keep, *command]

    def _reaches(self, path: Path) -> bool:
        for folder in path.resolve().parents:
            status = folder.stat()
            if status.st_uid == self.uid:
                needed = stat.S_IXUSR
            elif status.st_gid == self.gid:
                needed = stat.S_IXGRP
            else:
                needed = stat.S_IXOTH
            if not status.st_mode & needed:
                return False
        return True


def unprivileged() -> Account | None:
    """The account for PostgreSQL when this process is root's, None otherwise.

    Raises:
        LookupError: the machine has none of the accounts that are tried.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise LookupError("neither postgres nor nobody is an account here")


def _become(uid: int, gid: int, keep: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True) if keep else None
    if libc is not None:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if libc is not None:
        bit = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; low word, high word
        if libc.capset(header, sets) or libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0):
            sys.exit("this system gives root no way to let another account into root's folders")


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), keep=sys.argv[3] == "keep" and sys.platform == "linux")
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606
