"""Tokens of made-up people, for trying the platform. They need the key under `.dawr/keys/`: development only."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

from dawr.contracts.ids import DAWR
from dawr.servicekit.auth import Role, make_token
from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.keys import keys_of


def person_id(number: int) -> UUID:
    """The opaque id of made-up person `number`."""
    return uuid5(DAWR, f"made-up-person/{number}")


def token(root: Path, person: UUID, roles: frozenset[Role], *, office: str | None = None, hours: float = 1.0) -> str:
    """A token signed with the platform's key; PlatformError if there is no platform in this folder."""
    folder = Folder.of(root)
    if not folder.keys.exists():
        raise PlatformError("no-platform", f"There is no platform in {root.resolve()}: run `make up` there first.")
    keys = keys_of(folder)
    return make_token(keys.signing, keys.kid, person, roles, office=office, lifetime=timedelta(hours=hours))
