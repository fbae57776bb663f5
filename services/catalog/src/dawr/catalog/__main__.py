"""Run catalog: `python -m dawr.catalog --help`."""

import sys

from dawr.catalog.app import create_service
from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.problems import lines
from dawr.catalog.seeding import republish_all, seed
from dawr.servicekit.process import main

if __name__ == "__main__":
    try:
        sys.exit(main(create_service, commands={"seed": seed, "republish": republish_all}))
    except CatalogueInvalid as refusal:
        sys.exit("\n".join(lines(refusal)))
