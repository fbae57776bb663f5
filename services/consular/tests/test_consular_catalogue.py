"""Consular's own copy of the catalogue, from empty topics on."""

from uuid import uuid4

from services.consular.tests.conftest import Consulate, berlin, consulate_on, passport

from dawr.contracts.topics import CATALOG_OFFICES, CATALOG_SERVICES, Topic
from dawr.servicekit.testing import Stage, until


async def test_the_copy_follows_the_catalogue(empty_stage: Stage) -> None:
    async with consulate_on(empty_stage) as consulate:
        early = await consulate.open(uuid4())
        assert (early.status_code, early.json()["code"]) == (503, "catalogue-missing")
        assert early.headers["retry-after"] == "2"
        assert not await has_catalogue(consulate)

        await consulate.describe(passport(revision=7, retired=True), berlin(revision=3))
        await until(lambda: has_catalogue(consulate), what="a whole catalogue")
        await consulate.describe(passport(revision=6))
        assert (await consulate.open(uuid4())).json()["code"] == "unknown-service"
        await consulate.describe(passport(revision=8))
        assert (await consulate.open(uuid4())).status_code == 202

        await consulate.describe(berlin(revision=4, code="STO-01"))
        await bury(consulate, CATALOG_OFFICES, "BER-01")
        await refused(consulate, "unknown-mission")
        await consulate.describe(berlin(revision=4))
        await bury(consulate, CATALOG_SERVICES, "CSL_PASS")
        await refused(consulate, "catalogue-missing")


async def has_catalogue(consulate: Consulate) -> bool:
    return bool((await consulate.http.get("/readyz")).json()["checks"]["catalogue"])


async def bury(consulate: Consulate, topic: Topic, code: str) -> None:
    """Take a thing away: a record with no body."""
    async with consulate.stage.raw_producer() as producer:
        await producer.send_and_wait(consulate.stage.platform.topic_prefix + topic.name, key=code.encode(), value=None)


async def refused(consulate: Consulate, code: str) -> None:
    """Wait until opening a case is refused with a code."""

    async def is_refused() -> bool:
        return bool((await consulate.open(uuid4())).json().get("code") == code)

    await until(is_refused, what=code)
