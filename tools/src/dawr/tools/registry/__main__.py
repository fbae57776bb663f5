"""`python -m dawr.tools.registry`: run the sandbox civil registry."""

import argparse
import logging
import sys
from collections.abc import Sequence

import uvicorn
from pydantic import ValidationError

from dawr.tools.registry.app import create_app
from dawr.tools.registry.settings import RegistrySettings

EXPLANATION = """\
A civil registry for development and tests: twenty thousand made-up people in families, the same ones at each start. It
keeps nothing and can't be written to.

settings (environment; an option of the command line goes before):
  REGISTRY_HTTP_HOST, REGISTRY_HTTP_PORT  where it listens                          127.0.0.1, 8089
  REGISTRY_API_KEY                        what the asker sends as a bearer token; needed
  REGISTRY_SEED                           which people there are                    963
"""

EXAMPLES = """\
examples:
  run it
    REGISTRY_API_KEY=sandbox-key python -m dawr.tools.registry

  three people to try things as, with their documents and families; one person by number
    curl -H 'Authorization: Bearer sandbox-key' 127.0.0.1:8089/v1/samples
    curl -H 'Authorization: Bearer sandbox-key' -H 'Content-Type: application/json' \\
      127.0.0.1:8089/v1/people/search -d '{"identity_number": "…"}'

  fail the next two (status: 429, 500 or 503); answer slowly; then all well again
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8089/sandbox/faults -d '{"fail_times": 2, "status": 503}'
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8089/sandbox/faults -d '{"answer_seconds": 5}'
    curl -X DELETE 127.0.0.1:8089/sandbox/faults
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dawr.tools.registry",
        description=EXPLANATION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", dest="http_host", metavar="HOST")
    parser.add_argument("--port", dest="http_port", metavar="PORT", type=int)
    parser.add_argument("--seed", metavar="NUMBER", type=int)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    given = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}
    try:
        settings = RegistrySettings(**given)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"REGISTRY_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}\n")
        sys.stderr.write("See python -m dawr.tools.registry --help.\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s registry %(levelname)s %(message)s")
    uvicorn.run(
        create_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
