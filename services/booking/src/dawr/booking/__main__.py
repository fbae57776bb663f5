"""Run booking: `python -m dawr.booking --help`."""

import sys

from dawr.booking.app import create_service
from dawr.servicekit.process import main

if __name__ == "__main__":
    sys.exit(main(create_service))
