"""The sandbox civil registry: made-up people who hold together, and what it tells of them over HTTP."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from mrz.checker.td3 import TD3CodeChecker

from dawr.tools.contracts.committed import repository
from dawr.tools.registry.people import PEOPLE, YEAR, Families, Person
from dawr.tools.registry.samples import add_samples
from dawr.tools.registry.settings import RegistrySettings

API_KEY = "sandbox-key"
SEED: int = RegistrySettings.model_fields["seed"].default


@pytest.fixture(scope="module")
def families() -> Families:
    made = Families(SEED)
    add_samples(made)
    made.fill(PEOPLE)
    return made


@pytest.fixture(scope="module")
def people(families: Families) -> list[Person]:
    return list(families.people.values())


@pytest.fixture(scope="module")
def registry(launch: Callable[..., Any]) -> Any:
    return launch("dawr.tools.registry", "REGISTRY", REGISTRY_API_KEY=API_KEY)


@pytest.fixture
def http(registry: Any) -> Iterator[httpx.Client]:
    """Begins and ends with all fault switches off."""
    with httpx.Client(base_url=registry.url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False) as client:
        yield client
        client.delete("/sandbox/faults").raise_for_status()


def _search(http: httpx.Client, number: str) -> httpx.Response:
    return http.post("/v1/people/search", json={"identity_number": number})


def test_numbers_and_documents_are_each_of_one_person(people: list[Person]) -> None:
    assert len(people) >= PEOPLE
    cards = [each.card for each in people if each.card]
    assert len(set(cards)) == len(cards)
    assert all(re.fullmatch(r"(0[1-9]|1[0-4])[1-9]\d{8}", each.number) for each in people)
    assert len({each.mrz for each in people if each.mrz}) == sum(each.mrz is not None for each in people)


def test_all_kinds_of_people_are_among_them(people: list[Person]) -> None:
    today = date(YEAR, 11, 30)
    kinds: dict[str, Callable[[Person], bool]] = {
        "minors": lambda each: YEAR - each.born.year < 18,
        "old": lambda each: YEAR - each.born.year >= 75,
        "abroad": lambda each: each.abroad is not None,
        "dead": lambda each: each.died is not None,
        "with a card alone": lambda each: each.card is not None and each.passport is None,
        "whose passport has run out": lambda each: each.passport is not None and each.passport.until < today,
        "with a good passport": lambda each: each.passport is not None and each.passport.until >= today,
        "without any document": lambda each: each.card is None and each.passport is None,
        "married": lambda each: each.spouse is not None,
        "with parents and children": lambda each: bool(each.parents and each.children),
    }
    for kind, belongs in kinds.items():
        assert sum(map(belongs, people)) > 500, kind


def test_families_hold_together(people: list[Person]) -> None:
    back = {"parent": "child", "child": "parent", "spouse": "spouse", "sibling": "sibling"}
    for person in people:
        for kinship, relative in person.family_members:
            assert (back[kinship], person) in relative.family_members
        for parent in person.parents:
            assert 15 < person.born.year - parent.born.year < 75
            assert parent.died is None or parent.died > person.born
        assert person.died is None or person.died > person.born
        names = [each.given for each in person.children]
        assert len(set(names)) == len(names), "sisters and brothers have names of their own"
        assert {each.family for each in person.children} <= {person.family, person.spouse and person.spouse.family}


def test_every_passport_reads_as_its_holder(people: list[Person]) -> None:
    """By a reader that is not ours."""
    for person in people:
        if person.passport is not None and person.mrz is not None:
            read = TD3CodeChecker("\n".join(person.mrz), check_expiry=False)
            assert read, person.mrz
            fields = read.fields()
            assert (fields.birth_date, fields.sex) == (f"{person.born:%y%m%d}", person.sex)
            assert (fields.document_number, fields.optional_data) == (person.passport.number, person.number)
            assert person.passport.until.year - 6 >= person.born.year, "nobody had a passport before they were born"


def test_a_seed_makes_its_people_and_no_others() -> None:
    again, other = Families(5), Families(6)
    once = Families(5)
    for each in (once, again, other):
        each.fill(200)
    assert list(once.people) == list(again.people)
    assert [each.mrz for each in once.people.values()] == [each.mrz for each in again.people.values()]
    assert not set(once.people) & set(other.people)


def test_numbers_of_documents_examples_are_nobodys(families: Families) -> None:
    shown = re.findall(r'identity_number[\\"]+: [\\"]+(\d{11})', (repository() / "docs" / "compose.md").read_text())
    assert shown
    assert not set(shown) & set(families.people)


def test_a_person_is_told_with_documents_and_family(http: httpx.Client) -> None:
    samples = http.get("/v1/samples").json()
    assert [bool(each["label"]["ar"] and each["label"]["en"]) for each in samples] == [True] * 3
    mother, emigrant, single = (each["person"] for each in samples)
    found = _search(http, mother["identity_number"])
    assert found.json() == mother
    children = [each for each in mother["relatives"] if each["kinship"] == "child"]
    assert len(children) == 2
    assert all(YEAR - int(each["born"][:4]) < 18 for each in children)
    assert emigrant["abroad"]
    assert {each["kinship"] for each in emigrant["relatives"] if each["died"] is None} == {"parent", "sibling"}
    assert (single["relatives"], single["documents"]["passport"]) == ([], None)
    assert all(each["person"]["documents"]["identity_card"] for each in samples)


def test_who_is_not_there_or_may_not_ask_is_told_so(http: httpx.Client, registry: Any) -> None:
    assert _search(http, "01010012345").status_code == 404
    refused = _search(http, "0101001234x")
    assert refused.status_code == 422
    assert "0101001234x" not in refused.text
    for key in ("", "Bearer wrong-key", f"Basic {API_KEY}"):
        asked = httpx.get(f"{registry.url}/v1/samples", headers={"Authorization": key}, trust_env=False)
        assert asked.status_code == 401
    # Neither numbers nor names are in its log.
    assert "01010012345" not in registry.output


def test_a_switch_makes_it_fail(http: httpx.Client) -> None:
    http.put("/sandbox/faults", json={"fail_times": 1, "status": 503}).raise_for_status()
    refused = http.get("/v1/samples")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert http.get("/v1/samples").status_code == 200
