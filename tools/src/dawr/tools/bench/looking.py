"""How many answers about days booking gives, against a plain GET of as many bytes."""

from itertools import islice, product

import httpx

from dawr.tools.bench import whole
from dawr.tools.bench.load import ask_all, get
from dawr.tools.bench.measures import CONNECTIONS, expect, plain_app

_WARM = 500


def one_office() -> str:
    """Sixty days of one office."""
    return _path("SRV_01", "N", f"office={whole.REGIONS['REG-1'][0]}")


def one_region() -> str:
    """Sixty days of a region's nine offices."""
    return _path("SRV_01", "N", "region=REG-1")


async def looks(port: int, path: str, count: int) -> tuple[float, int]:
    """Answers per second to one question that everybody has, and the bytes of its body."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{port}{path}")
    if answer.status_code != 200 or not answer.json()["first_free"]:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
    return await _rate(port, [get(path, {})] * count), len(answer.content)


async def looks_all_over(port: int, count: int, *, services_count: int) -> float:
    """Answers per second when hardly anybody asks what somebody else does: sixty days of one office each."""
    asked = product(whole.services(services_count)[1:], whole.TIERS, whole.offices())
    questions = islice((_path(service, tier, f"office={office}") for service, tier, office in asked), count)
    return await _rate(port, [get(path, {}) for path in questions])


async def plain_get(size: int, count: int) -> float:
    """Answers per second of a plain FastAPI GET of ready-made bytes."""
    async with plain_app() as port:
        return await _rate(port, [get(f"/days?size={size}", {})] * count)


async def _rate(port: int, requests: list[bytes]) -> float:
    await ask_all("127.0.0.1", port, iter(requests[:_WARM]), connections=CONNECTIONS)
    answers = await ask_all("127.0.0.1", port, iter(requests), connections=CONNECTIONS)
    expect(answers.statuses, 200)
    return answers.per_second


def _path(service: str, tier: str, where: str) -> str:
    span = f"from={whole.FIRST}&to={whole.LAST}"
    return f"/api/booking/availability?service={service}&tier={tier}&{where}&{span}"
