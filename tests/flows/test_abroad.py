"""Those abroad: an expatriate who pays in dollars, and a relative who pays in euros at a rate that is frozen."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from tests.town import SLOW, Town, someone

from dawr.servicekit.auth import Role, make_token
from dawr.servicekit.testing import until
from dawr.tools.cli.signing import person_id
from dawr.tools.demo.cast import Wish

pytestmark = [
    pytest.mark.xdist_group("platform"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]


async def test_an_expatriate_pays_a_mission_in_dollars(town: Town) -> None:
    me = someone()
    wish = await town.free_seats("BER-01", "CSL_PASS", 2, days_ahead=21)
    case = await open_case(town, me, wish)
    assert case["fee"] == {"minor": 30_000, "currency": "USD", "text": case["fee"]["text"]}
    assert case["payment"]["payable"]["currency"] == "USD"
    assert case["payment"]["fx"] is None

    page = await town.checkout(case["payment"]["id"], me)
    assert await town.theatre.pay_at_bank(page, "approve") == "approved"
    case = await case_in(town, case["id"], me, "CONFIRMED")
    assert case["payment"]["state"] == "CAPTURED"
    assert case["payment"]["paid"]["minor"] == 30_000
    assert [step["state"] for step in case["history"]] == ["OPENED", "HELD", "CONFIRMED"]
    turn = await town.theatre.until(case["turn_id"], me, "CONFIRMED")
    assert turn["case_id"] == case["id"]
    await town.inbox(me, "case-opened", "turn-held", "payment-captured", "turn-confirmed")

    # The mission's staff see it, another mission's don't.
    assert case["id"] in (await cases_of_mission(town, "BER-01", "BER-01") or [])
    assert await cases_of_mission(town, "BER-01", "STO-01") is None

    # Given back through the case; the dollars return.
    cancelled = await town.theatre.call("POST", f"/api/consular/cases/{case['id']}/cancellation", me, wait=10)
    assert cancelled.status_code in {200, 202}, cancelled.text
    await case_in(town, case["id"], me, "CANCELLED")
    await town.theatre.until_refunded(case["turn_id"], me)
    assert await town.left(wish) == 2


async def test_a_relative_acts_under_a_mandate_and_pays_in_euros_at_a_frozen_rate(town: Town) -> None:
    agent, abroad = someone(), someone()
    wish = await town.free_seats("STO-01", "CSL_PASS", 2, days_ahead=21)
    today = datetime.now(UTC).date().isoformat()
    rate_path = f"/api/consular/fx-rates/USD/EUR/{today}"
    set_rate = await town.theatre.call("PUT", rate_path, person_id(7), Role.FINANCE, body={"rate": "0.9137"})
    assert set_rate.status_code in {200, 201}, set_rate.text

    # Without the other's consent nothing can be done in their name.
    draft = await town.theatre.call("POST", "/api/consular/mandates", agent,
                                    body={"person_id": str(abroad), "kinship": "sibling"})  # fmt: skip
    mandate = draft.json()["id"]
    wanted = {"mandate": mandate, "pay_currency": "EUR"}
    early = await ask_for_case(town, agent, wish, **wanted)
    assert (early.status_code, early.json()["code"]) == (409, "mandate-not-active")
    consent = await town.theatre.call("POST", f"/api/consular/mandates/{mandate}/consent", abroad)
    assert consent.json()["state"] == "ACTIVE"

    case = await open_case(town, agent, wish, **wanted)
    assert (case["person_id"], case["opened_by"]) == (str(abroad), str(agent))
    assert case["fee"]["minor"] == 30_000
    assert case["payment"]["fx"] == {"base": "USD", "quote": "EUR", "rate": "0.9137", "dated": today}
    euros = round(Decimal(30_000) * Decimal("0.9137"))
    assert case["payment"]["payable"] == {"minor": euros, "currency": "EUR",
                                          "text": case["payment"]["payable"]["text"]}  # fmt: skip

    # The rate that was promised stays, whatever happens to rates afterwards.
    changed = await town.theatre.call("PUT", rate_path, person_id(7), Role.FINANCE, body={"rate": "0.9"})
    assert (changed.status_code, changed.json()["code"]) == (409, "rate-used")

    page = await town.checkout(case["payment"]["id"], agent)
    assert await town.theatre.pay_at_bank(page, "approve") == "approved"
    case = await case_in(town, case["id"], agent, "CONFIRMED")
    assert case["payment"]["paid"] == case["payment"]["payable"]

    # Both sides are told, the errand is done, and the person abroad sees the turn as theirs.
    await town.inbox(agent, "case-opened", "turn-confirmed", "payment-captured", "mandate-received")
    await town.inbox(abroad, "case-opened", "turn-confirmed", "mandate-given")
    shown = (await town.theatre.call("GET", f"/api/consular/mandates/{mandate}", abroad)).json()
    assert shown["state"] == "USED"
    assert (await town.theatre.until(case["turn_id"], abroad, "CONFIRMED"))["person_id"] == str(abroad)
    payment = (await town.theatre.call("GET", f"/api/payments/payments/{case['payment']['id']}", agent)).json()
    assert payment["amount"]["minor"] == euros
    assert Decimal(payment["fx"]["rate"]) == Decimal("0.9137")


async def ask_for_case(town: Town, caller: UUID, wish: Wish, **more: str) -> Any:
    body = {"service": wish.service, "tier": wish.tier, "mission": wish.office, "date": wish.date, **more}
    return await town.theatre.call("POST", "/api/consular/cases", caller, body=body, wait=10)


async def open_case(town: Town, caller: UUID, wish: Wish, **more: str) -> dict[str, Any]:
    """A case whose seat is held."""
    answer = await ask_for_case(town, caller, wish, **more)
    assert answer.status_code in {201, 202}, answer.text
    return await case_in(town, answer.json()["id"], caller, "HELD")


async def case_in(town: Town, id: str, caller: UUID, state: str) -> dict[str, Any]:
    """The case, once it is in a state and its payment is as far."""

    async def there() -> dict[str, Any] | None:
        case: dict[str, Any] = (await town.theatre.call("GET", f"/api/consular/cases/{id}", caller)).json()
        settled = case["payment"]["state"] == "CAPTURED" if state == "CONFIRMED" else True
        return case if case["state"] == state and settled else None

    return await until(there, timeout=SLOW, every=0.1, what=f"case {id} {state}")


async def cases_of_mission(town: Town, mission: str, office_of_caller: str) -> list[str] | None:
    """What a member of a mission's staff sees of a mission; None: nothing of the kind."""
    keys = town.platform.keys
    token = make_token(keys.signing, keys.kid, someone(), frozenset({Role.MISSION}), office=office_of_caller)
    answer = await town.http.get(
        f"{town.platform.url('gateway')}/api/consular/missions/{mission}/cases",
        headers={"authorization": f"Bearer {token}"},
    )
    return [each["id"] for each in answer.json()["items"]] if answer.status_code == 200 else None
