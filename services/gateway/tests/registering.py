"""The sandbox registry as the stories of registration see into it, and what people type."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from services.gateway.tests.test_gateway_sign_in import Gateway

from dawr.contracts.notifications import RegisterContact, SendMessage
from dawr.contracts.topics import NOTIFICATIONS_REQUESTS
from dawr.gateway.domain.people import Profile
from dawr.gateway.identity import Identity
from dawr.gateway.service.people import People
from dawr.gateway.settings import DEVELOPMENT_PEPPER, DEVELOPMENT_PROFILE_KEY
from dawr.servicekit.clock import utc_now
from dawr.servicekit.testing import until
from dawr.tools.registry.app import create_app as create_registry
from dawr.tools.registry.faults import Faults
from dawr.tools.registry.people import Person
from dawr.tools.registry.settings import RegistrySettings

KEY = "sandbox-key"
PATIENT = {"registration_answer_seconds": 0.0, "registry_seconds": 30.0}
"""Settings of gateways in these stories: what is told in them does not depend on how busy the machine is."""
TODAY = utc_now().date()
IDENTITY = Identity(DEVELOPMENT_PEPPER)
Listening = Callable[[Any], AbstractAsyncContextManager[int]]


@dataclass
class Ministry:
    """The sandbox registry, as tests see into it."""

    app: Any
    url: str

    def __post_init__(self) -> None:
        people: dict[str, Person] = self.app.state.parts.people
        grown = [each for each in people.values() if each.died is None and TODAY.year - each.born.year > 18]
        self._waiting = iter([each for each in grown if each.card and is_good(each)])
        self._others = grown
        self.samples = [each.person for each in self.app.state.parts.samples]

    def someone(self, is_such: Callable[[Person], bool] = lambda _person: True) -> Person:
        """A grown person with a card and a good passport, whom no test has met."""
        return next(each for each in self._waiting if each not in self.samples and is_such(each))

    def one(self, is_such: Callable[[Person], bool]) -> Person:
        """A grown person of some kind."""
        return next(each for each in self._others if is_such(each) and each not in self.samples)

    def fail(self, **switches: Any) -> None:
        self.app.state.parts.faults = Faults(**switches)


def is_good(person: Person) -> bool:
    return person.passport is not None and person.passport.until > TODAY


def claim(person: Person, **changes: Any) -> dict[str, Any]:
    """What the person would type."""
    made = {"identity_number": person.number, "born": person.born.isoformat(), "card": person.card}
    return {**made, "email": f"p{person.number[-6:]}@mail.example", **changes}


@asynccontextmanager
async def ministry_on(listening: Listening) -> AsyncIterator[Ministry]:
    """A registry on a free port, with people of its own."""
    app = create_registry(RegistrySettings(api_key=KEY))
    async with listening(app) as port:
        yield Ministry(app, f"http://127.0.0.1:{port}")


async def register(gateway: Gateway, **body: Any) -> httpx.Response:
    return await gateway.client.post("/api/registrations", json={k: v for k, v in body.items() if v is not None})


async def messages_to(gateway: Gateway, person: Person) -> list[SendMessage | RegisterContact]:
    """What notifications was told about the person until now."""
    marker = gateway.number()
    await gateway.ask(marker)
    await gateway.codes(marker)  # the outbox is sent in order: what was staged before is there now
    person_id = IDENTITY.person_id(person.number)
    received = [each.message for each in await gateway.stage.messages(NOTIFICATIONS_REQUESTS)]
    return [
        each for each in received if isinstance(each, (SendMessage, RegisterContact)) and each.person_id == person_id
    ]


async def profile_of(gateway: Gateway, person: Person) -> Profile | None:
    async with gateway.service.database.reading() as connection:
        return await People(DEVELOPMENT_PROFILE_KEY, 18).load_profile(connection, IDENTITY.person_id(person.number))


async def is_up(gateway: Gateway) -> None:
    """Wait until the gateway has its connections."""

    async def answers() -> bool:
        return (await gateway.ask(gateway.number())).status_code == 202

    await until(answers, what="the gateway answers", timeout=60)
