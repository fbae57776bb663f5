"""What is done over the API before a story begins, so that it begins where it matters."""

from typing import Any
from uuid import UUID, uuid4

from tests.browser.visitor import Visitor
from tests.town import Town, asked

from dawr.gateway.identity import Identity
from dawr.tools.demo.cast import Wish
from dawr.tools.registry.people import Person


def id_of(town: Town, person: Person) -> UUID:
    """What a person is known as within the platform."""
    return Identity(town.platform.keys.identity_pepper).person_id(person.number)


def take_page(wish: Wish, person: str = "self") -> str:
    """The page on which a turn of this pool is checked and asked for."""
    return f"/take?service={wish.service}&tier={wish.tier}&office={wish.office}&date={wish.date}&person={person}"


async def held_turn(town: Town, person: Person, wish: Wish) -> dict[str, Any]:
    """A turn of theirs whose seat is held."""
    me = id_of(town, person)
    answer = await town.theatre.call("POST", "/api/booking/turns", me, body=asked(wish), key=str(uuid4()), wait=10)
    assert answer.status_code in {201, 202}, answer.text
    return await town.theatre.until(answer.json()["id"], me, "HELD")


async def confirmed_turn(town: Town, person: Person, wish: Wish) -> dict[str, Any]:
    """A turn of theirs that is paid and confirmed."""
    turn = await held_turn(town, person, wish)
    page = await town.checkout(turn["payment"]["id"], id_of(town, person))
    assert await town.theatre.pay_at_bank(page, "approve") == "approved"
    return await town.theatre.until(turn["id"], id_of(town, person), "CONFIRMED")


async def turns_of(town: Town, person: Person) -> list[dict[str, Any]]:
    """The turns that a person got: wishes that were refused are none."""
    answer = await town.theatre.call("GET", "/api/booking/turns?limit=50", id_of(town, person))
    found: list[dict[str, Any]] = answer.json()["items"]
    return [each for each in found if each["state"] != "REFUSED"]


async def taken_at_bank(town: Town, reference: str) -> list[dict[str, Any]]:
    """What the bank took for a payment, as its books say."""
    books = (await town.http.get(f"{town.platform.url('bank')}/sandbox/books")).json()
    return [each for each in books["captures"] if each["reference"] == reference]


async def paid_back(town: Town, capture: str) -> list[dict[str, Any]]:
    """What the bank gave back of a capture."""
    books = (await town.http.get(f"{town.platform.url('bank')}/sandbox/books")).json()
    return [each for each in books["refunds"] if each["capture"] == capture]


async def see(one: Visitor, turn: dict[str, Any]) -> None:
    """Open the page of a turn."""
    await one.open(f"/turns/{turn['id']}")
