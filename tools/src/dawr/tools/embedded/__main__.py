"""`python -m dawr.tools.embedded --data DIR`: both servers, until SIGTERM or SIGINT.

Prints one line of JSON when both are ready: {"kafka": host:port, "postgres": url, "pids": {"kafka": n, "postgres": n}}.
"""

import argparse
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dawr.tools.embedded.errors import EmbeddedError
from dawr.tools.embedded.kafka import Kafka
from dawr.tools.embedded.postgres import Postgres


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dawr.tools.embedded", description="Kafka and PostgreSQL.")
    parser.add_argument("--data", type=Path, required=True, help="folder for the data of both")
    parser.add_argument("--kafka-port", type=int, help="default: a free one")
    parser.add_argument("--postgres-port", type=int, help="default: a free one")
    options = parser.parse_args()
    kafka = Kafka(options.data / "kafka", options.kafka_port)
    postgres = Postgres(options.data / "postgres", options.postgres_port)

    # A pipe and not an Event: a handler that comes while its own thread is about to wait would deadlock on that.
    told, tell = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(tell, b"."))
    with ThreadPoolExecutor(2) as both:
        try:
            for started in [both.submit(kafka.start), both.submit(postgres.start)]:
                started.result()
            pids = {"kafka": kafka.pid, "postgres": postgres.pid}
            print(json.dumps({"kafka": kafka.bootstrap, "postgres": postgres.url(), "pids": pids}), flush=True)
            os.read(told, 1)
        except EmbeddedError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            for stopped in [both.submit(kafka.stop), both.submit(postgres.stop)]:
                stopped.result()
    return 0


if __name__ == "__main__":
    sys.exit(main())
