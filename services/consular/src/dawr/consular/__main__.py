"""Run consular: `python -m dawr.consular --help`."""

import sys

from dawr.consular.app import create_service
from dawr.consular.seed import load_seed
from dawr.servicekit.process import main
from dawr.servicekit.service import Service


async def seed(service: Service) -> None:
    """Load the example rates."""
    await load_seed(service.database)


if __name__ == "__main__":
    sys.exit(main(create_service, commands={"seed": seed}))
