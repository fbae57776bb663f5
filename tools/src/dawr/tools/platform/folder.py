"""Where everything of one platform is kept: `.dawr/` in its root folder. One platform per folder, by a lock."""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from dawr.tools.platform.errors import PlatformError

_NEEDED_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Folder:
    """The paths below `.dawr/`."""

    path: Path

    @classmethod
    def of(cls, root: Path) -> "Folder":
        """The folder of the platform whose root (the repository, say) is `root`."""
        return cls(root.resolve() / ".dawr")

    @property
    def kafka(self) -> Path:
        return self.path / "kafka"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def mail(self) -> Path:
        return self.path / "mail"

    @property
    def sms(self) -> Path:
        return self.path / "sms"

    @property
    def bank(self) -> Path:
        return self.path / "bank"

    def log(self, name: str) -> Path:
        """Where the process `name` writes."""
        return self.path / "logs" / f"{name}.log"

    def prepare(self) -> None:
        """Makes the folders. Raises PlatformError not-permitted or disk-full (under 1 GB free)."""
        try:
            for path in (self.path, self.keys, self.path / "logs"):
                path.mkdir(parents=True, exist_ok=True)
            self.keys.chmod(0o700)
        except PermissionError as error:
            raise PlatformError(
                "not-permitted", f"{error.filename} can't be written: give this user the folder, or clone elsewhere."
            ) from error
        free = shutil.disk_usage(self.path).free
        if free < _NEEDED_BYTES:
            raise PlatformError(
                "disk-full", f"The disk that holds {self.path} has {free // 1_000_000} MB free: 1000 MB are needed."
            )

    def wipe(self) -> None:
        """Removes all data. Raises PlatformError already-running."""
        if not self.path.exists():
            return
        with Lock(self):
            shutil.rmtree(self.path)


class Lock:
    """Held by the one who runs the platform in a folder; the system lets go of it when that process ends."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises PlatformError already-running."""
        descriptor = os.open(self._folder.path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip()
            os.close(descriptor)
            raise PlatformError(
                "already-running",
                f"Dawr already runs from this folder (process {holder}): use that one, or stop it with kill {holder}.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._descriptor is not None

    def release(self) -> None:
        """Lets the next one in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.release()
