"""The README says what the code does: its settings with their defaults, its topics, its resources, its constraints."""

from pathlib import Path

from dawr.catalog.app import create_service
from dawr.catalog.settings import CatalogSettings
from dawr.contracts.topics import TOPIC_OF, TOPICS
from dawr.servicekit.settings import ServiceSettings

FOLDER = Path(__file__).parents[1]
README = (FOLDER / "README.md").read_text("utf-8")


def test_it_fits_on_two_screens() -> None:
    without_diagrams = README.split("<!-- states ")[0] + README.split("<!-- /states -->")[1]
    assert len(without_diagrams.splitlines()) <= 80


def test_it_names_every_setting_with_its_default() -> None:
    for name in set(CatalogSettings.model_fields) - set(ServiceSettings.model_fields):
        default = CatalogSettings.model_fields[name].default
        assert f"| `CATALOG_{name.upper()}` | {default} |" in README, name


def test_it_names_the_topics_and_messages_that_are_written_and_read() -> None:
    written = {topic.name for topic in TOPICS if topic.owner == "catalog"}
    read = {topic.name for topic in TOPICS if "catalog" in topic.readers}
    assert {topic.name for topic in TOPICS if f"`{topic.name}`" in README} == written | read
    assert all(f"`{message.__name__}`" in README for message, topic in TOPIC_OF.items() if topic.name in written)
    consumers = create_service(CatalogSettings()).consumers
    assert consumers is not None
    for subscription in consumers.subscriptions:
        assert all(f"`{message.__name__}`" in README for message in subscription.known.values())


def test_it_names_every_resource() -> None:
    paths = create_service(CatalogSettings()).fastapi().openapi()["paths"]
    named = [path.removeprefix("/api/catalog") for path in paths]
    for path in named:
        # `/…/{code}/form` stands for all kinds of things, `/…/approval` for what is done to one.
        _, first, *_, last = path.split("/") if path.count("/") > 1 else ("", "", path)
        said = (path, path.replace(f"/{first}/", "/…/", 1), f"/…/{last}")
        assert any(f"{each}`" in README or f"{each}?" in README for each in said), path


def test_what_it_leans_on_is_in_the_tables() -> None:
    tables = (FOLDER / "src/dawr/catalog/migrations/0001_tables.py").read_text("utf-8")
    for name in ("fees_stay", "changes_in_line"):
        assert f"`{name}`" in README
        assert name in tables
