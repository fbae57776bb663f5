"""Cases on real servers: the test speaks for booking and payments, and sees what consular makes of it."""

from uuid import uuid4

from services.consular.tests.conftest import DAY, Consulate

from dawr.contracts.consular import CaseOpened
from dawr.contracts.ids import turn_id


async def test_an_expatriate_takes_a_turn_pays_cancels_and_has_the_money_back(consulate: Consulate) -> None:
    lina = uuid4()
    response = await consulate.open(lina)
    assert response.status_code == 202
    case = response.json()
    assert case["state"] == "OPENED"
    assert response.headers["location"] == case["links"]["self"] == f"/api/consular/cases/{case['id']}"
    assert case["links"]["turn"] == f"/api/booking/turns/{case['turn_id']}"
    assert case["turn_id"] == str(turn_id(lina, f"case/{case['id']}"))

    request = await consulate.asked_of_booking(case["turn_id"])
    assert (request.person_id, request.asked_by, str(request.case_id)) == (lina, lina, case["id"])
    assert (request.channel, request.pool.key, request.fx) == ("mission", f"BER-01/CSL_PASS/N/{DAY}", None)
    (told,) = [each for each in await consulate.stage.wait_for(CaseOpened) if each.key() == case["id"]]
    assert told.opened_by == lina  # type: ignore[attr-defined]
