"""The bank's secret is replaced while people pay: a town of its own, that knows both."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from dawr.payments.settings import SANDBOX_WEBHOOK_SECRET
from dawr.servicekit.testing import Stage

from .town import NEW_SECRET, Town, town_with


@pytest.fixture(scope="module")
async def turning_town(the_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town whose payments knows the bank's old secret and its new one."""
    folder = tmp_path_factory.mktemp("turning")
    async with town_with(the_stage, folder, webhook_secrets=f"{SANDBOX_WEBHOOK_SECRET} {NEW_SECRET}") as town:
        yield town


async def test_a_rotation_of_the_secret_drops_no_webhook(turning_town: Town) -> None:
    town = turning_town
    # The bank signs with the old one, with both, then with the new one alone; each time a payer pays.
    for secrets in (SANDBOX_WEBHOOK_SECRET, f"{NEW_SECRET} {SANDBOX_WEBHOOK_SECRET}", NEW_SECRET):
        await town.bank.stop()
        await town.bank.start(secrets)
        town = Town(**{**vars(town), "subject": town.subject.model_copy(update={"id": uuid4()})})
        await town.opened()
        await town.bank.approve(await town.checkout())
        await town.bank.delivered(town.payment, "checkout.captured")
        assert [each["source"] for each in await town.kept()] == ["told"]
        await town.payment_in("CAPTURED")
    refused = await town.webhook(town.captured_body(), secrets=["whsec_" + "A" * 32])
    assert refused.status_code == 401
