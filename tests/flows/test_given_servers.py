"""Where the platform of these tests stands: on the servers that the run was given, else on its own."""

import pytest
from tests.town import Town

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]


async def test_the_platform_runs_servers_only_when_none_were_given(
    town: Town, servers_are_given: bool, kafka_address: str, postgres_address: str
) -> None:
    runs = {"kafka", "postgres"} & set(town.platform.state.parts)
    stands_on = (town.platform.bootstrap, town.platform.state.postgres)
    if servers_are_given:
        assert not runs
        assert stands_on == (kafka_address, postgres_address)
    else:
        assert runs == {"kafka", "postgres"}
        assert not {kafka_address, postgres_address} & set(stands_on)
