"""The table of topics and the services agree on who reads what."""

import importlib
from pathlib import Path
from typing import cast

import pytest

from dawr.contracts.topics import TOPICS, Kind
from dawr.servicekit.service import Service
from dawr.servicekit.subscriptions import Subscription

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())
BUILT = [name for name in SERVICES if (ROOT / f"services/{name}/src/dawr/{name}/app.py").exists()]

KEEPS_WHAT_IS_GONE = {"notifications": "a person is still told by its name of what they once booked"}
"""Who does not follow when a thing of the catalogue is taken away, each with its reason."""


@pytest.fixture(params=BUILT)
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service as its process makes it on a development platform where nothing else is set; nothing connects."""
    import os

    for name in list(os.environ):
        if name.split("_")[0].lower() in {*SERVICES, "dawr"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("DAWR_ENVIRONMENT", "development")  # in production secrets have to be set
    module = importlib.import_module(f"dawr.{request.param}.app")
    return cast(Service, module.create_service())


def subscriptions(service: Service) -> list[Subscription]:
    return service.consumers.subscriptions if service.consumers is not None else []


def test_a_service_reads_the_topics_that_name_it_and_no_other(service: Service) -> None:
    wanted = {
        (topic.name, reader)
        for topic in TOPICS
        for reader in topic.readers
        if reader == service.name or reader.startswith(f"{service.name}.")
    }
    found = [(each.topic.name, each.group) for each in subscriptions(service)]
    assert set(found) == wanted
    assert len(found) == len(set(found)), "one subscription to a topic in a group"


def test_a_subscription_handles_something(service: Service) -> None:
    for subscription in subscriptions(service):
        assert subscription.handlers or subscription.on_batch, subscription.topic.name
        if subscription.topic.kind is Kind.COMMANDS:
            assert set(subscription.known) == set(subscription.topic.messages), "an owner takes all of its commands"
        if subscription.topic.kind is Kind.STATE:
            assert set(subscription.known) == set(subscription.topic.messages)
            takes_away = subscription.on_tombstone is not None
            assert takes_away != (service.name in KEEPS_WHAT_IS_GONE), (
                f"{subscription.topic.name}: things are taken away"
            )


def test_a_service_is_named_as_its_folder(service: Service) -> None:
    assert service.name in SERVICES
    assert service.settings.model_config["env_prefix"] == f"{service.name.upper()}_"


def test_every_owner_and_reader_is_a_service() -> None:
    for topic in TOPICS:
        assert topic.owner in SERVICES
        assert {reader.split(".")[0] for reader in topic.readers} <= set(SERVICES)
        assert topic.name.split(".")[:2] == ["dawr", topic.owner]
        assert all(message.wire_type.startswith(f"{topic.owner}.") for message in topic.messages.values())
