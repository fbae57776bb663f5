"""`python -m dawr.tools.sms`: run the sandbox SMS provider."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from dawr.tools.sms.app import create_app
from dawr.tools.sms.settings import SmsSettings

EXPLANATION = """\
An SMS provider for development and tests. It takes messages over HTTP and shows them instead of sending them.
A message that is asked for again, by its idempotency key or its reference, is taken once and counted. What it has
answered is on disk: kill -9 loses nothing.

settings (environment; an option of the command line goes before):
  SMS_HTTP_HOST, SMS_HTTP_PORT  where it listens                             127.0.0.1, 8087
  SMS_API_KEY                   what the sender sends as a bearer token; needed
  SMS_DATA_PATH                 folder of its database                       .dawr/sms
"""

EXAMPLES = """\
examples:
  run it
    SMS_API_KEY=sandbox-key python -m dawr.tools.sms

  send a message; ask what became of it
    curl -H 'Authorization: Bearer sandbox-key' -H 'Idempotency-Key: 1' -H 'Content-Type: application/json' \\
      127.0.0.1:8087/v1/messages -d '{"to": "+963991234567", "text": "Your turn is on Sunday", "reference": "m-1"}'
    curl -H 'Authorization: Bearer sandbox-key' '127.0.0.1:8087/v1/messages?reference=m-1'

  what a phone shows, and which messages were asked for more than once
    curl -G 127.0.0.1:8087/sandbox/messages --data-urlencode to=+963991234567
    curl '127.0.0.1:8087/sandbox/deliveries?at_least=2'

  fail the next two (status: 400, 429, 500 or 503); take the next one but answer too late; then all well again
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8087/sandbox/faults -d '{"fail_times": 2, "status": 429}'
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8087/sandbox/faults -d '{"timeout_after_doing": 1}'
    curl -X DELETE 127.0.0.1:8087/sandbox/faults

All fault switches: faults.py beside this module, and /openapi.json while it runs.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dawr.tools.sms",
        description=EXPLANATION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", dest="http_host", metavar="HOST")
    parser.add_argument("--port", dest="http_port", metavar="PORT", type=int)
    parser.add_argument("--data", dest="data_path", metavar="FOLDER", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    given = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}
    try:
        settings = SmsSettings(**given)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"SMS_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}\n")
        sys.stderr.write("See python -m dawr.tools.sms --help.\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s sms %(levelname)s %(message)s")
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
