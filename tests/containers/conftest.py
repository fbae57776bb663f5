"""docker-compose.yml as Compose reads it with nobody's environment: variables stand at their defaults."""

import re
from typing import Any

import pytest
import yaml

from dawr.tools.contracts.committed import repository

_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
Container = dict[str, Any]


@pytest.fixture(scope="session")
def compose_text() -> str:
    """The file."""
    return (repository() / "docker-compose.yml").read_text("utf-8")


@pytest.fixture(scope="session")
def compose_variables() -> dict[str, str]:
    """The variables of all compose files with their defaults; a variable has the same default wherever it stands."""
    found: dict[str, str] = {}
    for path in (repository() / "docker-compose.yml", *(repository() / "deploy" / "compose").glob("*.yml")):
        for name, default in _VARIABLE.findall(path.read_text("utf-8")):
            assert found.setdefault(name, default) == default, f"{name} has two defaults"
    return found


@pytest.fixture(scope="session")
def compose(compose_text: str) -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(lambda match: match[2], compose_text))
    return document


@pytest.fixture(scope="session")
def parts_of_compose(compose: dict[str, Any]) -> dict[str, Container]:
    """The containers by name; their environments as the texts that processes get."""
    containers: dict[str, Container] = compose["services"]
    for container in containers.values():
        told = container.get("environment", {})
        container["environment"] = {name: str(value) for name, value in told.items()}
    return containers
