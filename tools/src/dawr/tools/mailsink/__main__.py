"""`python -m dawr.tools.mailsink`: run the mail sink."""

import argparse
import logging
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from dawr.tools.mailsink.app import create_app
from dawr.tools.mailsink.settings import MailsinkSettings

EXPLANATION = """\
An SMTP server for development and tests: it takes every mail, sends none on, and writes each as a readable .eml
file whose name sorts by arrival. It says 250 only after the file is safely on disk. A mail that is sent twice is
kept twice, and counted by its Message-ID. Its page in a browser shows the newest mails: http://127.0.0.1:8088/

settings (environment; an option of the command line goes before):
  MAILSINK_SMTP_HOST, MAILSINK_SMTP_PORT  where it takes mails              127.0.0.1, 2525
  MAILSINK_HTTP_HOST, MAILSINK_HTTP_PORT  where it shows them               127.0.0.1, 8088
  MAILSINK_PATH                           folder of the mails               .dawr/mail
"""

EXAMPLES = """\
examples:
  what arrived: all, for one address, the text of mail 3, and what came more than once
    curl 127.0.0.1:8088/messages
    curl '127.0.0.1:8088/messages?to=citizen@example.org'
    curl 127.0.0.1:8088/messages/3
    curl '127.0.0.1:8088/deliveries?at_least=2'

  refuse the next two mails for now (451) or one address for good (550); break the line after keeping the next mail
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8088/faults -d '{"fail_times": 2, "code": 451}'
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8088/faults \\
      -d '{"fail_rate": 1, "code": 550, "to": "gone@example.org"}'
    curl -X PUT -H 'Content-Type: application/json' 127.0.0.1:8088/faults -d '{"lose_answer_times": 1}'
    curl -X DELETE 127.0.0.1:8088/faults

All fault switches: faults.py beside this module, and /openapi.json while it runs.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dawr.tools.mailsink",
        description=EXPLANATION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--smtp-host", dest="smtp_host", metavar="HOST")
    parser.add_argument("--smtp-port", dest="smtp_port", metavar="PORT", type=int)
    parser.add_argument("--http-host", dest="http_host", metavar="HOST")
    parser.add_argument("--http-port", dest="http_port", metavar="PORT", type=int)
    parser.add_argument("--data", dest="path", metavar="FOLDER", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    given = {name: value for name, value in vars(_parser().parse_args(arguments)).items() if value is not None}
    try:
        settings = MailsinkSettings(**given)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            sys.stderr.write(f"MAILSINK_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}\n")
        sys.stderr.write("See python -m dawr.tools.mailsink --help.\n")
        return 2
    try:
        smtp = socket.create_server((settings.smtp_host, settings.smtp_port))
    except OSError as error:
        sys.stderr.write(
            f"No SMTP at {settings.smtp_host}:{settings.smtp_port} (MAILSINK_SMTP_PORT): {error.strerror}\n"
        )
        return 1
    logging.basicConfig(level=logging.INFO, format="%(asctime)s mailsink %(levelname)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells of every command
    uvicorn.run(
        create_app(settings.path, smtp),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
