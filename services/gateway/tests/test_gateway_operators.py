"""What is meant for operators is not answered to the public."""

from pathlib import Path

import httpx
import pytest

from dawr.gateway.app import create_service
from dawr.gateway.settings import GatewaySettings

PATHS = ("/metrics", "/readyz")


def caller(settings: GatewaySettings, address: str) -> httpx.AsyncClient:
    """Somebody who connects from an address."""
    transport = httpx.ASGITransport(create_service(settings).app(), client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings.model_validate(
        {
            "database_url": "postgresql://127.0.0.1:1/nowhere",
            "keys_path": tmp_path,
            "platform": {"environment": "development"},
        }
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_answered(settings: GatewaySettings, address: str) -> None:
    async with caller(settings, address) as client:
        assert "dawr_http_requests_total" in (await client.get("/metrics")).text
        assert (await client.get("/readyz")).json()["ready"] is False


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("address", ["203.0.113.9", "::ffff:203.0.113.9", "10.0.0.1", "2001:db8::1", "no address"])
async def test_others_get_the_answer_of_a_path_that_does_not_exist(
    settings: GatewaySettings, path: str, address: str
) -> None:
    headers = {"x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1", "x-real-ip": "127.0.0.1"}
    async with caller(settings, address) as client:
        nowhere = (await client.get("/nowhere")).json()
        for given in ({}, headers):
            answer = await client.get(path, headers=given)
            assert (answer.status_code, answer.json()["code"]) == (404, nowhere["code"])
        assert (await client.get("/healthz")).json() == {"status": "alive"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"])
async def test_what_a_proxy_on_this_machine_passes_on_comes_from_the_public(
    settings: GatewaySettings, path: str, header: str
) -> None:
    async with caller(settings, "127.0.0.1") as client:
        assert (await client.get(path, headers={header: "127.0.0.1"})).status_code == 404


async def test_operators_may_be_elsewhere(settings: GatewaySettings) -> None:
    settings.operator_networks = "10.1.0.0/16, 2001:db8::/32"
    for address, status in (("10.1.2.3", 200), ("2001:db8::5", 200), ("10.2.0.1", 404), ("127.0.0.1", 404)):
        async with caller(settings, address) as client:
            assert (await client.get("/metrics")).status_code == status


async def test_trusted_proxies_are_no_operators(settings: GatewaySettings) -> None:
    settings.trusted_proxies = "10.0.0.0/8"
    async with caller(settings, "10.0.0.1") as client:
        assert (await client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})).status_code == 404
