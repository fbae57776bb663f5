"""docs/compose.md speaks of what is there."""

import re
from fnmatch import fnmatch
from typing import Any

import pytest

from dawr.tools.contracts.committed import repository

PAGE = repository() / "docs" / "compose.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


def test_its_table_tells_of_every_container(page: str, parts_of_compose: dict[str, Any]) -> None:
    rows = page.partition("| container |")[2].partition("\n\n")[0].splitlines()[2:]
    told = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    for pattern in told:
        assert any(fnmatch(name, pattern) for name in parts_of_compose), f"there is no {pattern}"
    for name in parts_of_compose:
        assert any(fnmatch(name, pattern) for pattern in told), f"{name} is not told of"


def test_its_addresses_are_those_that_are_published(page: str, parts_of_compose: dict[str, Any]) -> None:
    published = {port.rpartition(":")[0] for each in parts_of_compose.values() for port in each.get("ports", [])}
    assert {address.removeprefix("http://") for address in re.findall(r"http://127\.0\.0\.1:\d+", page)} == published


def test_its_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_its_commands_name_containers_that_there_are(page: str, parts_of_compose: dict[str, Any]) -> None:
    named = re.findall(r"compose exec (?:-T )?(\S+)|--scale ([a-z-]+)=", page)
    assert len(named) > 2
    assert {name for pair in named for name in pair if name} <= set(parts_of_compose)
