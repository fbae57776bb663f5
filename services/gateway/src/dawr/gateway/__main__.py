"""`python -m dawr.gateway run|serve|consume|migrate|rotate-keys|rotate-pass-keys|seed|invite|staff`."""

import asyncio
import sys

from dawr.gateway.app import create_service
from dawr.gateway.inviting import COMMANDS
from dawr.gateway.keys import PASSES, TOKENS, Use, rotate
from dawr.gateway.seeding import load_seed
from dawr.gateway.settings import GatewaySettings
from dawr.servicekit import telemetry
from dawr.servicekit.process import main
from dawr.servicekit.service import Service


async def rotate_keys(service: Service, use: Use = TOKENS) -> None:
    """Make the next signing key; running gateways see it, show it, and sign with it once it has settled."""
    assert isinstance(service.settings, GatewaySettings)  # noqa: S101
    kid = await asyncio.to_thread(rotate, service.settings.keys_path, use)
    telemetry.get_logger("dawr.gateway.keys").info("keys.rotated", use=use.stem, kid=kid)


async def rotate_pass_keys(service: Service) -> None:
    """The same for the key of passes; those that older keys signed are believed on."""
    await rotate_keys(service, PASSES)


async def seed(service: Service) -> None:
    """On a development platform, register the ready-made people of the sandbox registry."""
    assert isinstance(service.settings, GatewaySettings)  # noqa: S101
    await load_seed(service.settings, service.database)


if __name__ == "__main__":
    sys.exit(
        main(
            create_service,
            commands={"rotate-keys": rotate_keys, "rotate-pass-keys": rotate_pass_keys, "seed": seed, **COMMANDS},
        )
    )
