"""The jars arrive whole or not at all, whatever the network and another process do meanwhile."""

import errno
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dawr.tools.embedded import jars
from dawr.tools.embedded.errors import EmbeddedError, disk_full
from dawr.tools.embedded.jars import Jar
from dawr.tools.embedded.ports import free_port


def body_of(name: str) -> bytes:
    return name.encode() * 50_000


def jar(artifact: str) -> Jar:
    body = body_of(artifact)
    return Jar("org.example", artifact, "1.0", hashlib.sha256(body).hexdigest(), len(body))


JARS = [jar(name) for name in ("one", "two", "three", "four")]


@dataclass
class Repository:
    """A Maven repository whose next answers for an artifact can be spoilt: cut short, changed or missing."""

    address: str
    faults: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def named(self) -> dict[str, str]:
        return {"local": self.address}


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Repository]:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            artifact = self.path.split("/")[4]
            if not self.path.endswith(".jar"):
                self.send_error(404)
                return
            known.asked.append(artifact)
            body = body_of(artifact)
            fault = known.faults.get(artifact, []).pop(0) if known.faults.get(artifact) else ""
            if fault == "missing":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write({"short": body[:1000], "changed": b"x" + body[1:]}.get(fault, body))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Repository(f"http://127.0.0.1:{server.server_port}/maven")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(repository: Repository, folder: Path, **more: object) -> list[Path]:
    return jars.fetch(folder=folder, sources=repository.named, jars=JARS, **more)  # type: ignore[arg-type]


def test_the_committed_list_has_every_jar_of_the_broker_once() -> None:
    listed = jars.listed()
    assert len(listed) == 40
    assert len({jar.name for jar in listed}) == 40
    assert all(len(jar.sha256) == 64 and jar.size > 1000 for jar in listed)
    assert {jar.version for jar in listed if jar.group == "org.apache.kafka"} == {"4.3.1"}


def test_all_jars_are_fetched_and_progress_ends_at_the_total(repository: Repository, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    paths = fetch(repository, tmp_path / "cache", progress=lambda done, total: seen.append((done, total)))
    assert [path.read_bytes() for path in paths] == [body_of(jar.artifact) for jar in JARS]
    total = sum(jar.size for jar in JARS)
    assert seen[-1] == (total, total)
    assert len(seen) > len(JARS), "progress is told while a file arrives, not only at its end"
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(jar.name for jar in JARS)


def test_what_is_there_is_not_fetched_again_and_what_is_damaged_is(repository: Repository, tmp_path: Path) -> None:
    fetch(repository, tmp_path)
    (tmp_path / "two-1.0.jar").write_bytes(b"damaged")
    repository.asked.clear()
    fetch(repository, tmp_path)
    assert repository.asked == ["two"]
    assert (tmp_path / "two-1.0.jar").read_bytes() == body_of("two")


@pytest.mark.parametrize("fault", ["changed", "short"])
def test_a_broken_download_is_tried_once_more(repository: Repository, tmp_path: Path, fault: str) -> None:
    repository.faults["three"] = [fault]
    fetch(repository, tmp_path)
    assert repository.asked.count("three") == 2
    assert (tmp_path / "three-1.0.jar").read_bytes() == body_of("three")


@pytest.mark.parametrize("fault", ["changed", "short"])
def test_a_download_broken_twice_is_refused_and_leaves_nothing(
    repository: Repository, tmp_path: Path, fault: str
) -> None:
    repository.faults["three"] = [fault, fault]
    with pytest.raises(EmbeddedError, match=r"three-1\.0\.jar came broken twice") as refused:
        fetch(repository, tmp_path / "cache")
    assert refused.value.code == "broken-download"
    assert not (tmp_path / "cache" / "three-1.0.jar").exists()
    assert not list((tmp_path / "cache").glob(".fetching-*"))


def test_a_jar_that_no_repository_has(repository: Repository, tmp_path: Path) -> None:
    repository.faults["one"] = ["missing"]
    with pytest.raises(EmbeddedError, match=r"org\.example:one:1\.0") as refused:
        fetch(repository, tmp_path)
    assert refused.value.code == "not-found"


def test_no_network_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    nobody_there = {"gone": f"http://127.0.0.1:{free_port()}"}
    with pytest.raises(EmbeddedError, match="no Maven repository answers") as refused:
        jars.fetch(folder=tmp_path / "cache", sources=nobody_there, jars=JARS)
    assert refused.value.code == "no-network"


def test_two_at_once_both_end_with_whole_jars(repository: Repository, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(fetch, repository, tmp_path) for _ in range(2)]
        for paths in (done.result() for done in both):
            assert all(jar.is_whole(path) for jar, path in zip(JARS, paths, strict=True))


def test_a_jar_that_maven_keeps_on_this_machine_is_copied_unless_it_is_damaged(
    repository: Repository, tmp_path: Path
) -> None:
    for artifact, body in (("one", body_of("one")), ("two", b"damaged")):
        kept = tmp_path / "m2" / "org" / "example" / artifact / "1.0" / f"{artifact}-1.0.jar"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(body)
    fetch(repository, tmp_path / "cache")
    assert sorted(repository.asked) == ["four", "three", "two"]


def test_mavens_mirror_takes_the_place_of_central(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    settings = tmp_path / ".m2" / "settings.xml"
    settings.parent.mkdir()
    settings.write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors><mirror>'
        "<id>office</id><mirrorOf>*</mirrorOf><url>https://maven.example.org/all/</url></mirror></mirrors></settings>"
    )
    assert jars.repositories() == {"office": "https://maven.example.org/all"}


def test_a_full_disk_is_told_from_other_errors() -> None:
    full = disk_full(OSError(errno.ENOSPC, "No space left on device"), "/data")
    assert full is not None
    assert full.code == "disk-full"
    assert disk_full(OSError(errno.EACCES, "Permission denied"), "/data") is None
