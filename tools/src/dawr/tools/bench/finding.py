"""How long people wait for what they search: the shipped catalogue, asked by its own words, right and misspelt."""

import asyncio
import random
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlencode

from dawr.catalog.app import create_service
from dawr.catalog.folder.catalogue import Catalogue, read_catalogue, shipped
from dawr.catalog.service.load import load_catalogue
from dawr.catalog.settings import CatalogSettings
from dawr.tools.bench.load import get
from dawr.tools.bench.stage import Run

CONNECTIONS = 2


async def load_shipped(run: Run) -> Catalogue:
    """Have a run's catalog hold everything that is shipped; what that is."""
    catalogue = read_catalogue(shipped())
    service = create_service(CatalogSettings(database_url=run.database_url, platform=run.platform))
    try:
        async with service.database.transaction() as tx:
            await load_catalogue(tx, catalogue)
    finally:
        await service.database.close()
    return catalogue


def questions(catalogue: Catalogue) -> list[str]:
    """Names, pairs of keywords, and each of them with a letter left out: so many that no two requests are the same."""
    chance = random.Random(4)  # noqa: S311 - the same questions each time
    asked: list[str] = []
    for service in catalogue.services:
        asked += [service.name.ar, service.name.en]
        words = list(service.keywords)
        asked += [f"{one} {other}" for one, other in pairwise(words)]
    asked += [_misspelt(each, chance) for each in asked]
    chance.shuffle(asked)
    return asked


def _misspelt(question: str, chance: random.Random) -> str:
    place = chance.randrange(len(question))
    return question[:place] + question[place + 1 :]


async def waits(port: int, paths: list[str]) -> list[float]:
    """Milliseconds until each answer (200) was there, sorted; `CONNECTIONS` ask at once, one question at a time each.

    The first tenth warms up and is not counted.
    """
    ready = len(paths) // 10
    await _ask(port, iter(paths[:ready]))
    left = iter(paths[ready:])
    parts = await asyncio.gather(*(_ask(port, left) for _ in range(CONNECTIONS)))
    return sorted(wait for part in parts for wait in part)


def service_paths(asked: list[str]) -> list[str]:
    """Searches for services."""
    return ["/api/catalog/services?" + urlencode({"q": each}) for each in asked]


def office_paths(catalogue: Catalogue, count: int) -> list[str]:
    """Searches for the nearest offices with a service, from places all over the country."""
    chance = random.Random(5)  # noqa: S311 - the same places each time
    services = [each.code for each in catalogue.services]
    return [
        "/api/catalog/offices?"
        + urlencode(
            {
                "service": chance.choice(services),
                "near": f"{chance.uniform(32.5, 37):.4f},{chance.uniform(36, 42):.4f}",
            }
        )
        for _ in range(count)
    ]


async def _ask(port: int, paths: Iterator[str]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    for path in paths:
        begin = time.perf_counter()
        writer.write(get(path, {}))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        found = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(found.group(1)) if found else 0)
        times.append((time.perf_counter() - begin) * 1000)
        if not head.startswith(b"http/1.1 200 "):
            raise RuntimeError(f"{path}: {head[:40]!r}")
    writer.close()
    return times
