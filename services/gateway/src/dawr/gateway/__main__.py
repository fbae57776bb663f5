"""`python -m dawr.gateway run|serve|consume|migrate|rotate-keys`."""

import asyncio
import sys

from dawr.gateway.app import create_service
from dawr.gateway.keys import rotate
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.process import main
from dawr.servicekit.service import Service


async def rotate_keys(service: Service) -> None:
    """Make the next signing key; running gateways see it, show it, and sign with it once it has settled."""
    assert isinstance(service.settings, GatewaySettings)  # noqa: S101
    kid = await asyncio.to_thread(rotate, service.settings.keys_path)
    telemetry.get_logger("dawr.gateway.keys").info("keys.rotated", kid=kid)


if __name__ == "__main__":
    sys.exit(main(create_service, commands={"rotate-keys": rotate_keys}))
