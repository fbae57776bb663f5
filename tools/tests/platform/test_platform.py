"""The supervisor: starts, keeps alive, says so, and leaves nothing behind. Its parts are fake ones."""

import importlib.util
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from dawr.servicekit.testing import until
from dawr.tools.embedded.ports import free_port, is_free
from dawr.tools.platform import state
from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.platform import Platform
from dawr.tools.platform.readiness import look

HERE = Path(__file__).parent


def _fake_platform() -> Any:
    """The program beside this file, as a module: tests have no packages."""
    spec = importlib.util.spec_from_file_location("fake_platform", HERE / "fake_platform.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_fakes = _fake_platform()
PARTS, SEEN = _fakes.PARTS, _fakes.SEEN


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notices: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def downloaded(self, done: int, total: int) -> None:
        raise AssertionError("no jars are needed here")

    def notice(self, text: str) -> None:
        self.notices.append(text)


def fake(root: Path, **more: Any) -> Platform:
    more["environment"] = SEEN | more.get("environment", {})
    return Platform(root, **{"ports": "free", "parts": PARTS} | more)


async def post(platform: Platform, name: str, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            await client.post(platform.state.parts[name].url + path)
        except httpx.RemoteProtocolError:
            assert path.startswith("/exit")


async def answer(platform: Platform, name: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(platform.state.parts[name].url + "/readyz")).text


async def test_what_runs_is_written_down_for_its_owner_only_and_gone_when_it_stops(tmp_path: Path) -> None:
    async with fake(tmp_path, environment={"FAKE_WORD": "hello"}) as platform:
        known = state.running(platform.folder)
        assert known is not None
        assert known.status == "ready"
        assert {name: part.pid for name, part in known.parts.items()} == {
            "fakeone": platform.pid("fakeone"),
            "faketwo": platform.pid("faketwo"),
        }
        assert all(part.ready for part in known.parts.values())
        assert stat.S_IMODE(platform.folder.state.stat().st_mode) == 0o600
        assert await answer(platform, "fakeone") == "['run'] hello"
        processes = [psutil.Process(part.pid) for part in known.parts.values()]
    assert not any(process.is_running() for process in processes)
    assert state.running(platform.folder) is None
    assert platform.log("fakeone").read_text().startswith("listening")


async def test_in_two_roles_and_with_replicas_each_process_has_a_port_of_its_own(tmp_path: Path) -> None:
    async with fake(tmp_path, roles="split", parts=PARTS[:1], replicas={"fakeone-consume": 2}) as platform:
        assert list(platform.state.parts) == ["fakeone-serve", "fakeone-consume", "fakeone-consume-2"]
        assert len({part.port for part in platform.state.parts.values()}) == 3
        assert await answer(platform, "fakeone-consume-2") == "['consume'] "
        assert platform.url("fakeone") == platform.state.parts["fakeone-serve"].url


async def test_a_process_that_crashes_is_started_again_after_growing_pauses_and_that_is_said(tmp_path: Path) -> None:
    heard = Heard()
    async with fake(tmp_path, reporter=heard) as platform:
        for count in (1, 2):
            gone = platform.pid("fakeone")
            await post(platform, "fakeone", "/exit/3")

            async def is_back(gone: int | None = gone, count: int = count) -> bool:
                known = state.running(platform.folder)
                assert known is not None
                part = known.parts["fakeone"]
                return part.ready and part.pid not in (None, gone) and part.restarts == count

            await until(is_back, what="a second life", timeout=10)
        other = platform.state.parts["faketwo"]
        assert other.restarts == 0
    said = [notice for notice in heard.notices if "exit code" in notice]
    assert said == [
        "fakeone ended with exit code 3: it is started again in 0.5 s.",
        "fakeone ended with exit code 3: it is started again in 1 s.",
    ]
    assert "fakeone is ready again." in heard.notices


async def test_what_was_killed_on_purpose_stays_down_until_it_is_restarted(tmp_path: Path) -> None:
    heard = Heard()
    async with fake(tmp_path, reporter=heard) as platform:
        port, gone = platform.state.parts["fakeone"].port, platform.pid("fakeone")
        await platform.kill("fakeone")
        assert platform.pid("fakeone") is None
        assert is_free(port)
        await platform.restart("fakeone")
        assert platform.pid("fakeone") not in (None, gone)
        assert platform.state.parts["fakeone"].port == port
        assert heard.notices == []


async def test_stopping_asks_first_and_kills_who_does_not_listen_within_ten_seconds(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    platform = fake(tmp_path, environment={"FAKE_FILE": str(asked)})
    await platform.start()
    deaf = psutil.Process(platform.pid("fakeone"))
    await post(platform, "fakeone", "/deaf")
    began = time.monotonic()
    await platform.stop()
    assert time.monotonic() - began < 10
    assert not deaf.is_running()
    assert asked.read_text() == "asked\n", "the other one was asked, not killed"


async def test_a_start_that_fails_names_the_log_and_leaves_nothing(tmp_path: Path) -> None:
    platform = fake(tmp_path, environment={"FAKE_WORD": "broken"})
    with pytest.raises(PlatformError, match=r"faketwo|fakeone does not become ready.*\.log") as refused:
        await platform.start()
    assert refused.value.code == "not-ready"
    assert "broken from the start" in platform.log("fakeone").read_text()
    assert platform.pid("fakeone") is None
    assert platform.pid("faketwo") is None
    async with fake(tmp_path):
        pass  # the folder is free again


async def test_a_port_in_use_is_named_with_the_one_who_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PlatformError, match=f"Port {port}, meant for fakeone, is in use.*FAKEONE_PORT") as refused:
            await fake(tmp_path, ports={"fakeone": port, "faketwo": free_port()}).start()
    assert refused.value.code == "port-in-use"


async def test_usual_ports_can_be_moved_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = free_port(), free_port()
    monkeypatch.setenv("FAKEONE_PORT", str(one))
    monkeypatch.setenv("FAKETWO_PORT", str(two))
    async with fake(tmp_path, ports="usual") as platform:
        assert platform.state.ports == {"fakeone": one, "faketwo": two}
    monkeypatch.setenv("FAKEONE_PORT", "eighty")
    with pytest.raises(PlatformError, match="FAKEONE_PORT=eighty is not a port"):
        await fake(tmp_path, ports="usual").start()


async def test_a_look_from_outside_asks_each_process(tmp_path: Path) -> None:
    assert await look(tmp_path) is None
    async with fake(tmp_path) as platform:
        await post(platform, "faketwo", "/unready")
        seen = await look(tmp_path)
        assert seen is not None
        assert {name: part.ready for name, part in seen.parts.items()} == {"fakeone": True, "faketwo": False}
        with pytest.raises(
            PlatformError, match=r"faketwo does not become ready \(it says that it lacks: broker\): see"
        ):
            await platform.wait_ready("faketwo", timeout=0.2)
    assert await look(tmp_path) is None


async def test_one_folder_runs_one_platform_and_is_not_wiped_meanwhile(tmp_path: Path) -> None:
    async with fake(tmp_path) as platform:
        for refused_action in (fake(tmp_path).start, wipe(platform)):
            with pytest.raises(PlatformError, match="already runs") as refused:
                await refused_action()
            assert refused.value.code == "already-running"
        assert platform.pid("fakeone") is not None
    platform.folder.wipe()
    assert not platform.folder.path.exists()


def wipe(platform: Platform) -> Any:
    async def now() -> None:
        platform.folder.wipe()

    return now


def test_when_the_supervisor_is_killed_its_processes_end_and_the_next_one_starts(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "fake_platform.py"), str(tmp_path)]
    for number in (signal.SIGKILL, signal.SIGKILL):
        supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert supervisor.stdout is not None
        line = supervisor.stdout.readline()  # the second start finds the leftovers of the first
        processes = [psutil.Process(int(pid)) for pid in line.split()]
        assert len(processes) == 2
        supervisor.send_signal(number)
        supervisor.wait()
    _, left = psutil.wait_procs(processes, timeout=10)
    assert not left
