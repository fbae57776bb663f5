"""The jars that make a Kafka broker: a fixed list with sums, fetched once into the user's cache folder.

`kafka-jars.txt` has a line per jar: group:artifact:version, SHA-256, size in bytes. Where they come from is
the machine's matter: the repositories of jgo's settings, the mirror of Maven's, else Maven Central; a jar that
Maven already keeps on this machine is copied. Whatever its source, a jar counts only if its sum is right.
"""

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import platformdirs
from jgo.config import GlobalSettings
from jgo.constants import default_maven_repo
from jgo.maven import MavenContext, PythonResolver

from dawr.tools.embedded.errors import EmbeddedError, disk_full

Progress = Callable[[int, int], None]
"""Called from several threads, one at a time, with the bytes that are there so far and the bytes of all jars;
never when nothing has to be fetched."""

_PARALLEL = 8
_TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Jar:
    """One line of the list. `name` is its file name, also in the cache folder."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def is_whole(self, path: Path) -> bool:
        """Whether `path` holds this very jar."""
        try:
            if not path.is_file() or path.stat().st_size != self.size:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def listed() -> list[Jar]:
    """The committed list, in its order."""
    lines = files("dawr.tools.embedded").joinpath("kafka-jars.txt").read_text("utf-8").splitlines()
    jars = []
    for line in lines:
        coordinate, sha256, size = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group, artifact, version, sha256, int(size)))
    return jars


def cache_folder() -> Path:
    """Where fetched jars are kept for every clone of this user."""
    return platformdirs.user_cache_path("dawr") / "kafka-jars"


def fetch(
    progress: Progress | None = None,
    *,
    folder: Path | None = None,
    sources: dict[str, str] | None = None,
    jars: list[Jar] | None = None,
) -> list[Path]:
    """The paths of all jars in the list's order, after fetching those that are missing or damaged.

    Several processes may do this at once: a jar appears under its name only when whole.

    Raises:
        EmbeddedError: no-network, not-found, broken-download (after a second try) or disk-full.
    """
    folder = folder or cache_folder()
    jars = listed() if jars is None else jars
    missing = [jar for jar in jars if not jar.is_whole(folder / jar.name)]
    if missing:
        total = sum(jar.size for jar in jars)
        tally = _Tally(total - sum(jar.size for jar in missing), total, progress)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (
                tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch,
                ThreadPoolExecutor(_PARALLEL, thread_name_prefix="jars") as threads,
            ):
                source = _Source(Path(scratch), sources or repositories(), tally)
                try:
                    for done in [threads.submit(source.fetch, jar, folder / jar.name) for jar in missing]:
                        done.result()
                finally:
                    threads.shutdown(cancel_futures=True)
        except OSError as error:
            raise _told(error, folder) from error
    return [folder / jar.name for jar in jars]


class _Tally:
    """Bytes so far, told to the caller."""

    def __init__(self, done: int, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = done, total, progress
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        with self._lock:
            self._done += size
            if self._progress is not None:
                self._progress(self._done, self._total)


class _Source:
    """Fetches one jar at a time into a scratch folder, checks it and moves it to its place."""

    def __init__(self, scratch: Path, repositories: dict[str, str], tally: _Tally) -> None:
        self._scratch, self._repositories, self._tally = scratch, repositories, tally

    def fetch(self, jar: Jar, target: Path) -> None:
        # First with what Maven keeps on this machine, then without: a damaged file there must not be in the way.
        if self._attempt(jar, target, [default_maven_repo()]) or self._attempt(jar, target, []):
            return
        raise EmbeddedError(
            "broken-download",
            f"{jar.name} came broken twice (its SHA-256 is not the listed one): "
            "try again, and if it stays so, look at the proxy or mirror between here and the Maven repository.",
        )

    def _attempt(self, jar: Jar, target: Path, local: list[Path]) -> bool:
        scratch = Path(tempfile.mkdtemp(dir=self._scratch))
        counted = _Counted(self._tally)
        context = MavenContext(
            resolver=PythonResolver(progress_callback=counted.opened),
            repo_cache=scratch,
            local_repos=local,
            remote_repos=self._repositories,
            timeout=_TIMEOUT_SECONDS,
        )
        try:
            found = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except OSError as error:
            if error.errno is not None or not counted.begun:
                raise
            found = scratch  # the connection broke in mid-file
        except RuntimeError as error:
            raise EmbeddedError(
                "not-found",
                f"No Maven repository in reach has {jar.group}:{jar.artifact}:{jar.version} "
                f"(asked: {', '.join(self._repositories)}): check the mirror in Maven's or jgo's settings.",
            ) from error
        if not jar.is_whole(found):
            counted.take_back()
            shutil.rmtree(scratch)
            return False
        ready = scratch / "ready.jar"
        shutil.copyfile(found, ready)
        ready.replace(target)
        self._tally.add(jar.size - counted.bytes)
        shutil.rmtree(scratch)
        return True


class _Counted:
    """jgo's progress callback for one file: passes bytes to the tally and remembers how many."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self.bytes = 0
        self.begun = False

    @contextmanager
    def opened(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        self.begun = True
        yield self._add

    def _add(self, size: int) -> None:
        self.bytes += size
        self._tally.add(size)

    def take_back(self) -> None:
        self._tally.add(-self.bytes)
        self.bytes = 0


def repositories() -> dict[str, str]:
    """The repositories to ask, by name: jgo's settings first, then Maven's mirror of Central or Central itself."""
    configured: dict[str, str] = dict(GlobalSettings.load().repositories)
    mirror = _mirror_of_central(Path("~/.m2/settings.xml").expanduser())
    return configured | (mirror or dict(MavenContext().remote_repos))


def _mirror_of_central(settings: Path) -> dict[str, str] | None:
    """The mirror that Maven's `settings.xml` names for Central or for everything, as {name: address}."""
    try:
        root = ElementTree.parse(settings).getroot()  # noqa: S314 - the user's own file
    except (OSError, ElementTree.ParseError):
        return None
    for mirror in root.iterfind(".//{*}mirror"):
        texts = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in mirror}
        mirrored = {part.strip() for part in texts.get("mirrorOf", "").split(",")}
        if mirrored & {"*", "central", "external:*"} and "!central" not in mirrored and texts.get("url"):
            return {texts.get("id") or "mirror": texts["url"].rstrip("/")}
    return None


def _told(error: OSError, folder: Path) -> EmbeddedError:
    # requests' errors are OSErrors without an errno of the disk
    full = disk_full(error, folder)
    if full is not None:
        return full
    if isinstance(error, PermissionError) and error.filename is not None:
        return EmbeddedError(
            "not-permitted", f"{error.filename} can't be written: give this user the folder, or set XDG_CACHE_HOME."
        )
    return EmbeddedError(
        "no-network",
        "Kafka's jars can't be fetched because no Maven repository answers: connect this machine "
        "(or name a mirror in ~/.m2/settings.xml) and try again; what has arrived is kept.",
    )
