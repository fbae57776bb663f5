"""`python -m dawr.tools.bank`: run the sandbox bank."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from dawr.tools.bank.app import create_app
from dawr.tools.bank.settings import BankSettings

EXPLANATION = """\
A payment company for development and tests. It has a hosted payment page in Arabic and English, signed
webhooks (Standard Webhooks) that are retried until they are taken, refunds, a statement file, and switches for
everything that goes wrong with a payment company. What it has answered is on disk: kill -9 loses nothing.

settings (environment; an option of the command line goes before):
  BANK_HTTP_HOST, BANK_HTTP_PORT  where it listens                        127.0.0.1, 8086
  BANK_PUBLIC_URL                 its address as payers' browsers see it  http://host:port
  BANK_API_KEY                    what the merchant sends as a bearer token; needed
  BANK_WEBHOOK_SECRETS            one whsec_… secret, or two with a space between them while the merchant
                                  changes from one to the other: each webhook is signed with both; needed
  BANK_WEBHOOK_URL                where webhooks go; without it they are kept and wait
  BANK_DATA_PATH                  folder of its database                  .dawr/bank
"""

EXAMPLES = """\
examples:
  run it
    export BANK_API_KEY=sandbox-key BANK_WEBHOOK_SECRETS=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
    python -m dawr.tools.bank --webhook-url http://127.0.0.1:8083/api/payments/webhooks/sandbox

  ask for a payment; the answer's url is the payer's page
    curl -H "Authorization: Bearer $BANK_API_KEY" -H 'Idempotency-Key: 1' -H 'Content-Type: application/json' \\
      127.0.0.1:8086/v1/checkouts -d '{"reference": "payment-1", "amount": 31270000, "currency": "SYP",
        "description": {"ar": "جواز سفر", "en": "Passport"}, "expires_at": "2030-01-01T00:00:00Z",
        "return_url": "http://127.0.0.1:8080/"}'

  pay as a payer would (action: approve, decline or later)
    curl -H 'Accept: application/json' -d action=approve 127.0.0.1:8086/pay/chk_…

  give some back
    curl -H "Authorization: Bearer $BANK_API_KEY" -H 'Idempotency-Key: 2' -H 'Content-Type: application/json' \\
      127.0.0.1:8086/v1/refunds -d '{"capture": "cap_…", "amount": 1000, "currency": "SYP", "reference": "refund-1"}'

  lose every third webhook, fail the next two refunds, answer the next checkout too late; then all well again
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8086/sandbox/faults -d '{"webhooks": {"lose": 0.33},
      "refunds": {"fail_times": 2}, "timeouts": {"checkouts": 1, "seconds": 3}, "seed": 7}'
    curl -X DELETE 127.0.0.1:8086/sandbox/faults

  see what was captured and refunded, and what became of the webhooks
    curl 127.0.0.1:8086/sandbox/books
    curl 127.0.0.1:8086/sandbox/webhooks

The whole protocol: README.md beside this module, and /openapi.json while it runs.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dawr.tools.bank",
        description=EXPLANATION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", dest="http_host", metavar="HOST")
    parser.add_argument("--port", dest="http_port", metavar="PORT", type=int)
    parser.add_argument("--public-url", dest="public_url", metavar="URL")
    parser.add_argument("--webhook-url", dest="webhook_url", metavar="URL")
    parser.add_argument("--data", dest="data_path", metavar="FOLDER", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    given = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}
    try:
        settings = BankSettings(**given)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"BANK_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}\n")
        sys.stderr.write("See python -m dawr.tools.bank --help.\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s bank %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
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
