"""`python -m dawr.notifications run|serve|consume|migrate`."""

import sys

from dawr.notifications.app import create_service
from dawr.servicekit.process import main

if __name__ == "__main__":
    sys.exit(main(create_service))
