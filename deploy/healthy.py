"""Whether the process in this container is well: `python -IS healthy.py /healthz` exits 0 if that answers 200.

The standard library only, so that a check costs a few hundredths of a second.
"""

import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 4.0


def main(path: str, port: int = 8000) -> int:
    """The exit code, after telling what was answered (`docker inspect` shows it)."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        sys.stdout.write(f"{answer.status} {answer.read(1000).decode(errors='replace')}\n")
    except (OSError, HTTPException) as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
