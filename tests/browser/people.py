"""People of the sandbox civil registry, each for one story, and how they come to be registered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from tests.town import SLOW, code_in

from dawr.servicekit.testing import until
from dawr.tools.registry.people import YEAR, Families, Person
from dawr.tools.registry.samples import add_samples
from dawr.tools.registry.settings import RegistrySettings

_ENOUGH = 2000


class Places(Protocol):
    """Where the parts of a platform are: `Platform`, or the state of one that runs elsewhere."""

    def url(self, part: str) -> str: ...


class Registry:
    """Who there is. The registry makes the same people each time, so they are known here without asking it."""

    def __init__(self) -> None:
        families = Families(RegistrySettings.model_fields["seed"].default)
        self.ready_made = [each.person for each in add_samples(families)]
        families.fill(_ENOUGH)
        everybody = [each for each in families.people.values() if each not in self.ready_made]
        grown = [
            each for each in everybody if each.died is None and each.card and YEAR - each.born.year in range(25, 60)
        ]
        self._parents = iter([each for each in grown if minors(each) and not each.abroad])
        self._singles = iter([each for each in grown if not each.children and not each.abroad])
        self._abroad = iter([each for each in grown if each.abroad and each.parents and each.parents[0].died is None])

    def parent(self) -> Person:
        """Somebody who has a minor child and was in no story before."""
        return _next(self._parents)

    def single(self) -> Person:
        """Somebody without children."""
        return _next(self._singles)

    def expatriate(self) -> Person:
        """Somebody who lives abroad and whose father is alive."""
        return _next(self._abroad)


def minors(person: Person) -> list[Person]:
    """Their children below 17, from the eldest."""
    found = [each for each in person.children if each.died is None and YEAR - each.born.year < 17]
    return sorted(found, key=lambda each: each.born)


def address_of(person: Person) -> str:
    """A mail address of theirs, in the sandbox."""
    return f"{person.number}@people.example"


@dataclass
class Post:
    """The mail that came, as its reader looks at it."""

    http: httpx.AsyncClient
    places: Places

    async def to(self, address: str, after: int = 0) -> tuple[int, str]:
        """The newest mail to an address whose number is above `after`, once there is one: its number, subject and
        text."""

        async def arrived() -> list[dict[str, Any]] | None:
            listed = (await self.http.get(f"{mail}/messages", params={"to": address})).json()
            return [each for each in listed if each["number"] > after]

        mail = self.places.url("mail")
        newest = (await until(arrived, timeout=SLOW, every=0.2, what=f"mail to {address}"))[-1]
        text = (await self.http.get(f"{mail}/messages/{newest['number']}")).text
        return newest["number"], f"{newest['subject']}\n{text}"

    async def newest(self, address: str) -> int:
        """The number of the newest mail to an address; 0 if there is none."""
        mail = self.places.url("mail")
        listed = (await self.http.get(f"{mail}/messages", params={"to": address})).json()
        return max((each["number"] for each in listed), default=0)


async def register(places: Places, person: Person) -> httpx.Cookies:
    """Make somebody known to the platform by their identity card, over the API; the cookies of their session."""
    gateway, address = places.url("gateway"), address_of(person)
    async with httpx.AsyncClient(base_url=gateway, timeout=SLOW, trust_env=False) as http:
        post = Post(http, places)
        before = await post.newest(address)
        form = {"identity_number": person.number, "born": person.born.isoformat(), "card": person.card}
        answer = await http.post("/api/registrations", json=form | {"email": address})
        assert answer.status_code == 202, answer.text
        _, mail = await post.to(address, before)
        entered = {"identity_number": person.number, "code": code_in(mail)}
        answer = await http.post("/api/session", json=entered)
        assert answer.status_code == 200, answer.text
        return http.cookies


def _next(people: Iterator[Person]) -> Person:
    found = next(people, None)
    assert found is not None, "all of them are in stories: let `_ENOUGH` be more"
    return found
