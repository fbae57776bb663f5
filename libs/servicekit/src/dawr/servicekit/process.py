"""A service as a process: `python -m dawr.<service> run|serve|consume|migrate`."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import uvicorn

from dawr.servicekit import telemetry
from dawr.servicekit.migrations import migrate
from dawr.servicekit.service import Role, Service

GC_ALLOCATIONS = 20_000
"""New containers before the collector looks for cycles among them; a batch of 200 turns makes some thousands."""

Command = Callable[[Service], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Instruction:
    """A one-off command that is told more than its name. It has the service's database; nothing else runs, and what
    it stages is sent by those that do."""

    run: Callable[[Service, argparse.Namespace], Awaitable[None]]
    arguments: Callable[[argparse.ArgumentParser], None]
    """Adds what it is told to the command line."""


def main(
    create_service: Callable[[], Service],
    *,
    commands: Mapping[str, Command | Instruction] | None = None,
    arguments: list[str] | None = None,
) -> int:
    """Parse the command line and do what it says; the process's exit code.

    `commands` are further one-off commands of the service (`seed`), run with its database and producer up, or for an
    Instruction with its database alone.
    """
    service = create_service()
    parser = argparse.ArgumentParser(
        prog=f"python -m dawr.{service.name}",
        description=f"{service.title}. Settings come from the environment, see the service's README.",
    )
    choices = parser.add_subparsers(dest="command", required=True, metavar="command")
    choices.add_parser("run", help="answer HTTP and consume topics in one process")
    choices.add_parser("serve", help="answer HTTP")
    choices.add_parser("consume", help="consume topics and send the outbox (health and metrics over HTTP)")
    if service.has_database:
        choices.add_parser("migrate", help="bring the database to the newest version")
    for name, each in (commands or {}).items():
        choice = choices.add_parser(name)
        if isinstance(each, Instruction):
            each.arguments(choice)
    given = parser.parse_args(arguments)
    command = given.command
    platform = service.settings.platform
    telemetry.configure_logging(service.name, log_format=platform.log_format, level=platform.log_level)
    if command == "migrate":
        asyncio.run(migrate(service.settings.database_url, f"dawr.{service.name}"))
    elif commands and command in commands:
        asyncio.run(_once(service, commands[command], given))
    else:
        _listen(service, Role(command))
    return 0


async def _once(service: Service, command: Command | Instruction, given: argparse.Namespace) -> None:
    if isinstance(command, Instruction):
        try:
            await command.run(service, given)
        finally:
            await service.database.close()
        return
    async with service.running(Role.SERVE):
        await command(service)


def _listen(service: Service, role: Role) -> None:
    settings = service.settings
    # What is loaded by now stays for good: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 50)
    config = uvicorn.Config(
        service.app(role),
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        # A caller on this machine must not choose the address that limits count by (uvicorn trusts loopback).
        proxy_headers=False,
        date_header=False,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        timeout_keep_alive=75,
        backlog=2048,
    )
    uvicorn.Server(config).run()
