"""What goes into the images: hash-checked packages that are enough for the code, and a health check that tells."""

import ast
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from dawr.tools.contracts.committed import repository

ROOT = repository()
SANDBOXES = [ROOT / "tools" / "src" / "dawr" / "tools" / name for name in ("bank", "mailsink", "registry", "sms")]
SHIPPED = [*(ROOT / "libs").glob("*/src"), *(ROOT / "services").glob("*/src")]


def pinned(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by package."""
    text = lock.read_text("utf-8")
    entries = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M)
    assert len(entries) == len(re.findall(r"^\S+==", text, re.M)), "each package has its hashes"
    return {name: (version, frozenset(re.findall("sha256:[0-9a-f]+", hashes))) for name, version, hashes in entries}


@pytest.mark.parametrize("lock", ["service.lock", "sandbox.lock"])
def test_an_image_has_the_packages_that_are_tested_here(lock: str) -> None:
    everything = pinned(ROOT / "requirements.lock")
    for name, entry in pinned(ROOT / "deploy" / lock).items():
        assert entry == everything[name], f"{name}: run `make lock`"


@pytest.mark.parametrize(("lock", "code"), [("service.lock", SHIPPED), ("sandbox.lock", SANDBOXES)])
def test_an_image_has_every_package_that_its_code_imports(lock: str, code: list[Path]) -> None:
    here = pinned(ROOT / "deploy" / lock)
    distributions = packages_distributions()
    missing = {
        (module, str(path.relative_to(ROOT)))
        for folder in code
        for path in folder.rglob("*.py")
        for module in imported(path) - sys.stdlib_module_names - {"dawr"}
        if not {canonicalize_name(name) for name in distributions[module]} & set(here)
    }
    assert not missing


def imported(path: Path) -> set[str]:
    """The top-level modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_sandboxes_stand_alone() -> None:
    """Their image has no other code of ours."""
    for folder in SANDBOXES:
        for path in folder.rglob("*.py"):
            for used in re.findall(r"^\s*(?:from|import) (dawr\S*)", path.read_text("utf-8"), re.M):
                assert used.startswith(f"dawr.tools.{folder.name}"), f"{path.name} imports {used}"


def test_the_locks_hold_for_the_python_of_the_images() -> None:
    (version,) = set(re.findall(r"^FROM python:(\d+\.\d+)-slim", (ROOT / "Dockerfile").read_text("utf-8"), re.M))
    for lock in ("service.lock", "sandbox.lock"):
        for name, marker in re.findall(r"^(\S+)==\S+ ; (.*?) \\$", (ROOT / "deploy" / lock).read_text("utf-8"), re.M):
            there = {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux"}
            assert Marker(marker).evaluate(there), f"{name} is not for {version}"


def test_images_run_as_nobody_in_particular_from_hash_checked_wheels() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S))
    for name in ("service", "sandbox"):
        assert re.findall(r"^USER (.*)$", stages[name], re.M) == ["10001:10001"]
        assert "/app/healthy.py" in stages[name]
        assert "RUN" not in stages[name], "nothing is made in a final image"
    installs = re.findall(r"pip .*install .*", text)
    assert len(installs) == 2
    assert all("--require-hashes" in line and "--only-binary :all:" in line for line in installs)
    assert not re.search(r"https?://", text)


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
        self.wfile.write(b'{"checks": {"broker": false}}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def healthy(path: str, port: int) -> tuple[int, str]:
    command = [sys.executable, "-IS", str(ROOT / "deploy" / "healthy.py"), path, str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout


def test_the_health_check_tells_well_from_unwell(answering: int) -> None:
    assert healthy("/healthz", answering)[0] == 0
    code, told = healthy("/readyz", answering)
    assert (code, told) == (1, '503 {"checks": {"broker": false}}\n')


def test_the_health_check_tells_silence_from_an_answer(answering: int) -> None:
    with HTTPServer(("127.0.0.1", 0), Answering) as bound:
        free = bound.server_port
    code, told = healthy("/healthz", free)
    assert code == 1
    assert told.startswith("no answer: ")
